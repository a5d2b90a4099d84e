"""The names of NumPy's functions and types: a list, for NumPy is not imported to read a model.

They are those of NumPy 2 that have the form of a name; a test compares them with the one that is
installed.
"""

from __future__ import annotations

import types

_NAMES = """
    abs absolute acos acosh add all allclose amax amin angle any append arange arccos arccosh
    arcsin arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort argwhere around
    array array2string array_equal array_equiv array_repr array_split array_str asanyarray
    asarray asarray_chkfinite ascontiguousarray asfortranarray asin asinh asmatrix astype atan
    atan2 atanh atleast_1d atleast_2d atleast_3d average bartlett base_repr binary_repr bincount
    bitwise_and bitwise_count bitwise_invert bitwise_not bitwise_or bitwise_xor blackman block
    bmat bool broadcast broadcast_arrays broadcast_shapes broadcast_to busday_count
    busday_offset busdaycalendar byte can_cast cbrt cdouble ceil character choose clip
    clongdouble column_stack common_type complex128 complex256 complex64 complexfloating
    compress concat concatenate conj conjugate convolve copy copysign copyto corrcoef correlate
    cos cosh count_nonzero cov cross csingle cumprod cumsum cumulative_prod cumulative_sum
    datetime64 datetime_data deg2rad degrees delete diag diag_indices diagflat diagonal diff
    digitize divide divmod dot double dsplit dstack dtype ediff1d einsum einsum_path empty
    empty_like equal errstate exp exp2 expand_dims expm1 extract eye fabs fill_diagonal finfo
    fix flatiter flatnonzero flexible flip fliplr flipud float128 float16 float32 float64
    float_power floating floor floor_divide fmax fmin fmod frexp from_dlpack frombuffer fromfile
    fromfunction fromiter frompyfunc fromregex fromstring full full_like gcd generic genfromtxt
    geomspace get_include get_printoptions getbufsize geterr geterrcall gradient greater
    greater_equal half hamming hanning heaviside histogram histogram2d histogramdd hsplit hstack
    hypot i0 identity iinfo imag indices inexact info inner insert int16 int32 int64 int8 intc
    integer interp intersect1d intp invert is_busday isclose iscomplex iscomplexobj isdtype
    isfinite isfortran isin isinf isnan isnat isneginf isposinf isreal isrealobj isscalar
    issubdtype iterable kaiser kron lcm ldexp left_shift less less_equal lexsort linspace load
    loadtxt log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or
    logical_xor logspace long longdouble longlong mask_indices matmul matrix matrix_transpose
    matvec max maximum mean median memmap meshgrid min minimum mintypecode mod modf moveaxis
    multiply nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin
    nanpercentile nanprod nanquantile nanstd nansum nanvar ndarray ndenumerate ndim ndindex
    nditer negative nested_iters nextafter nonzero not_equal number ones ones_like outer
    packbits pad partition percentile permute_dims piecewise place poly poly1d polyadd polyder
    polydiv polyfit polyint polymul polysub polyval positive pow power printoptions prod
    promote_types ptp put putmask quantile rad2deg radians ravel real recarray reciprocal record
    remainder repeat require reshape resize result_type right_shift rint roll rollaxis roots
    rot90 round row_stack save savetxt savez savez_compressed searchsorted select
    set_printoptions setbufsize setdiff1d seterr seterrcall setxor1d shape shares_memory short
    show_config show_runtime sign signbit signedinteger sin sinc single sinh size sort
    sort_complex spacing split sqrt square squeeze stack std subtract sum swapaxes take tan tanh
    tensordot test tile timedelta64 trace transpose trapezoid tri tril tril_indices trim_zeros
    triu triu_indices true_divide trunc typename ubyte ufunc uint uint16 uint32 uint64 uint8
    uintc uintp ulong ulonglong union1d unique unique_all unique_counts unique_inverse
    unique_values unpackbits unravel_index unsignedinteger unstack unwrap ushort vander var vdot
    vecdot vecmat vectorize void vsplit vstack where zeros zeros_like
"""

NUMPY_NAMES = frozenset(_NAMES.split())

_KINDS = (types.GeneratorType, types.FrameType, types.CodeType, types.TracebackType)
_PREFIXES = ("gi_", "f_", "co_", "tb_")

REACHING = frozenset(
    {
        "ctypes", "dump", "format", "format_map", "mro", "tofile",
        *(name for kind in _KINDS for name in dir(kind) if name.startswith(_PREFIXES)),
    }
)  # fmt: skip
"""The attributes by which Python's and NumPy's objects lead to files, memory, frames and types: no
module that is emitted has one, so that a file is told to be one.
"""
