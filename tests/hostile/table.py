"""The hostile inputs: one line a case, with the message that it must give.

A case is a command, in which F is its file, and the file's content. The inputs are refused with
exit code 2 and one line, but those of OBEYED, which are read as the data that they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from support.small_model import SMALL as BASE

from hostile.modules import forged


@dataclass(frozen=True)
class Case:
    """A command with its file, and what it says; whether the file is a module that ``runs``."""

    what: str
    content: str | bytes
    says: str
    command: str = "show F"
    name: str = "cell.toml"
    runs: bool = False


def _with(old: str, new: str) -> str:
    assert old in BASE, old
    return BASE.replace(old, new, 1)


def _equation(text: str) -> str:
    return _with('s = "tanh(x[t] + s[t-1] @ W)"', f"s = '''{text}'''")


def _equations(*lines: str) -> str:
    return _with("[equations]\n", "[equations]\n" + "".join(f"{line}\n" for line in lines))


def _parameter(line: str) -> str:
    return _with("[states]", f"{line}\n[states]")


def _doubling() -> str:
    """Forty layers, each twice as wide as the one beneath."""
    layers = '[layers]\nrepeat = 40\nbelow = {first = "x", then = "s"}'
    text = BASE.replace('s = ["n"]', 's = ["below + below"]')
    for section in ("parameters", "states", "equations"):
        text = text.replace(f"[{section}]", f"[layers.{section}]")
    return f"{layers}\n{text}"


def _size(text: str) -> str:
    return _with('W = ["n", "n"]', f'W = ["n", "n"]\nP = ["{text}"]')


def _state(line: str) -> str:
    return _with('s = ["n"]', line)


def _function(text: str) -> str:
    return _with("[states]", f"[functions]\nphi = {text}\n[states]")


def _nested(word: str, times: int, inner: str = "s[t-1]") -> str:
    return f"{word}(" * times + inner + ")" * times


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


_TERMS = "+".join(["n", *(f"n*n*{k}*n" for k in range(1, 3))])
_SUM17 = _with('n = "units"', "\n".join(["n = 'u'", *(f"q{k} = 'u'" for k in range(17))])).replace(
    'W = ["n", "n"]', f'W = ["n", "n"]\nP = ["{"+".join(f"q{k}" for k in range(17))}"]'
)
_SIZE10 = _with(
    'n = "units"', "\n".join(["n = 'u'", *(f"q{k} = 'u'" for k in range(9))])
).replace(
    'W = ["n", "n"]',
    'W = ["n", "n"]\nP = ["' + "*".join(["(" + "+".join(f"q{k}" for k in range(9)) + ")"] * 10)
    + '"]',
)  # fmt: skip

RULE_OF_DERIVATIVES = (
    "the derivatives of an equation have at most 4000 symbols when they are written"
)
RULE_OF_OPERATIONS = "an equation has at most 500 names and operations"

KINDS: dict[str, list[Case]] = {
    "text": [
        Case("nothing", "", "the section [parameters] is missing or empty"),
        Case("blank lines", "\n" * 3000, "the section [parameters] is missing or empty"),
        Case("a comment alone", "# nothing", "the section [parameters] is missing or empty"),
        Case("bytes that are no UTF-8", b"title = '\xff'", "cell.toml:1:10: error: not UTF-8 text"),
        Case("half of a letter", b"title = '\xc3", "error: not UTF-8 text"),
        Case("UTF-16", "title = 'a'".encode("utf-16"), "error: not UTF-8 text"),
        Case("a byte order mark", b"\xef\xbb\xbf" + BASE.encode(), "cell.toml:1:1: error: not valid"),
        Case("a NUL", 'title = "a\0b"', "not valid TOML"),
        Case("an escape character", 'title = "a\x1b[31mb"', "not valid TOML"),
        Case("a lone carriage return", 'title = "a"\rsource = "b"', "not valid TOML"),
        Case("a vertical tab", 'title = "a"\x0bsource = "b"', "not valid TOML"),
        Case("an open string", 'title = "a', "cell.toml:1:11: error: not valid TOML"),
        Case("an open string of lines", 'title = """a' + "\n" * 100, "not valid TOML"),
        Case("an open array", "a = [" + "[" * 700, "arrays and tables are nested at most 8 deep"),
        Case("an open table", "a = {" * 700, "arrays and tables are nested at most 8 deep"),
        Case("a bad escape", r'title = "\q"', "not valid TOML: Unescaped '\\'"),
        Case("an escape of half a letter", r'title = "\ud800"', "not valid TOML"),
        Case("a JSON file", '{"a": 1}', "not valid TOML"),
        Case("a YAML file", "a: 1\n", "not valid TOML"),
        Case("a Python file", "import os\nos.system('touch canary')\n", "not valid TOML"),
        Case("a pickle", b"\x80\x04\x95cposix\nsystem\n(S'touch canary'\ntR.", "not UTF-8 text"),
        Case("a page", "<html><script>alert(1)</script>", "not valid TOML"),
        Case("quotes within quotes", "title = '''" + "'" * 50 + "\n", "not valid TOML"),
        Case("a large file", "#" * 200_001, "a file of a model or a notation has at most 200000"),
        Case("a large number", "a = " + "9" * 5000, "not valid TOML: a number is too long"),
        Case("a large exponent", "a = 1e99999", "unknown entry 'a'"),
        Case("a date", "title = 1979-05-27 07:32:00\n" + BASE, "'title' must be one line of text"),
        Case("a date that is none", "title = 1979-99-99", "not valid TOML"),
        Case("a key twice", "title = 'a'\ntitle = 'b'", "cell.toml:2:12: error: not valid TOML"),
        Case("a table twice", BASE + "[loss]\nF = 'E[t]'\n", "not valid TOML"),
    ],
    "names": [
        Case("dunder", _parameter('__class__ = ["n"]'), "the name '__class__' is not letters"),
        Case("a keyword", _parameter('lambda = ["n"]'), "'lambda' is a keyword of Python"),
        Case("a constant", _parameter('None = ["n"]'), "'None' is a keyword of Python"),
        Case("the time step", _parameter('t = ["n"]'), "the name 't' is reserved"),
        Case("LaTeX", _parameter(r"""'\input{evil}' = ["n"]"""), "is not letters and digits"),
        Case("Jinja", _parameter("""'{{ 1 }}' = ["n"]"""), "is not letters and digits"),
        Case("markup", _parameter("""'<script>' = ["n"]"""), "is not letters and digits"),
        Case("a docstring's end", _parameter("""'\"\"\"' = ["n"]"""), "is not letters and digits"),
        Case("a line break", _parameter('"a\\nb" = ["n"]'), "is not letters and digits"),
        Case("an escape", _parameter('"\\u001b[31m" = ["n"]'), r"the name '\x1b[31m' is not"),
        Case("right to left", _parameter('"\\u202ea" = ["n"]'), r"the name '\u202ea' is not"),
        Case("a zero-width space", _parameter('"a\\u200b" = ["n"]'), r"the name 'a\u200b' is not"),
        Case("a look-alike", _parameter('"\\u0430" = ["n"]'), r"the name '\u0430' is not"),
        Case("a wide letter", _parameter('"\\uff37" = ["n"]'), r"the name '\uff37' is not"),
        Case("nothing", _parameter('"" = ["n"]'), "the name '' is not letters and digits"),
        Case("a long name", _parameter(f'{"a" * 41} = ["n"]'), "is longer than 40 characters"),
        Case("a very long name", _parameter(f'{"a" * 3000} = ["n"]'), "is longer than 40 characters"),
        Case("a name twice", _parameter('x = ["n"]'), "'x' is declared already, as a name under"),
        Case("a name of the language", _parameter('softmax = ["n"]'), "is an operation of the equation"),
        Case("a name that prints like a step", _parameter('x_1 = ["n"]'), "prints like 'x' at step 1"),
        Case("a file that LaTeX reads", BASE + "[latex]\ns = '\\input{/etc/passwd}'\n", "the LaTeX of 's' has a command that is not allowed: \\input"),
        Case("a shell", BASE + "[latex]\ns = '\\write18{touch canary}'\n", "not allowed: \\write"),
        Case("a character code", BASE + "[latex]\ns = 'a^^5cinput'\n", "has a '^' without an index"),
        Case("a percent sign", BASE + "[latex]\ns = 'a%'\n", "not allowed: '%'"),
        Case("a brace too many", BASE + "[latex]\ns = 'a}b'\n", "has braces that do not match"),
        Case("many braces", BASE + f"[latex]\ns = '{'{' * 100}'\n", "of 1 to 60 characters"),
        Case("a line in a title", "title = " + _quoted("a\nb") + "\n" + BASE, "one line of text"),
        Case("an escape in a title", "title = " + _quoted("\x1b]0;x\x07") + "\n" + BASE, "one line"),
        Case("right to left in a source", "source = " + _quoted("\u202e") + "\n" + BASE, "one line"),
        Case("an escape in a meaning", _with('"units"', _quoted("\x1b[2J")), "say in words"),
        Case("a model that is none", BASE, "no such model file", "show ../../etc/passwdx"),
        Case("a model of hostile letters", BASE, "unknown model", "show \x1b[31m\u202e"),
    ],
    "keys": [
        Case("dots", "a." * 2000 + "b = 1", "cell.toml:1:9: error: a key has at most 4 parts"),
        Case("dots in a header", "[" + "a." * 2000 + "b]", "a key has at most 4 parts"),
        Case("dots with spaces", "a . " * 1000 + "b = 1", "a key has at most 4 parts"),
        Case("dots of quoted parts", "'a'." * 1000 + "b = 1", "a key has at most 4 parts"),
        Case("dots in a table", "a = {" + "b." * 900 + "c = 1}", "a key has at most 4 parts"),
        Case("dots in the second table", "a = 1\n[b]\n" + "c." * 900 + "d = 1", "cell.toml:3:9: error"),
        Case("nine arrays", "a = " + "[" * 9 + "]" * 9, "nested at most 8 deep"),
        Case("nine tables", "a = " + "{b = " * 9 + "1" + "}" * 9, "nested at most 8 deep"),
        Case("many keys", "".join(f"k{k}=1\n" for k in range(1001)), "at most 2000 keys and values"),
        Case("many values", "a = [" + "1," * 2001 + "]", "at most 2000 keys and values"),
        Case("many tables", "".join(f"[a{k}]\n" for k in range(2001)), "at most 2000 keys"),
        Case("an unknown key", BASE + "[evil]\na = 1\n", "cell.toml:15:2: error: unknown entry 'evil'"),
        Case("an unknown dotted key", "evil.a = 1\n" + BASE, "cell.toml:1:1: error: unknown entry"),
        Case("an unknown quoted key", '"e.v" = 1\n' + BASE, "cell.toml:1:1: error: unknown entry 'e.v'"),
        Case("a dotted option", _with('W = ["n", "n"]', 'W.shape = ["n", "n"]\nW.evil = 1'), "cell.toml:9:1: error: unknown entry 'evil' for 'W'"),
        Case("an option within", _with('W = ["n", "n"]', 'W = {shape = ["n", "n"], evil = 1}'), "cell.toml:8:26: error: unknown entry 'evil' for 'W'"),
        Case("a quoted name", _with('W = ["n", "n"]', "'W' = ['n', 'q']"), "cell.toml:8:1: error: the shape of 'W' uses the dimension 'q'"),
        Case("a section that is a number", "equations = 1\n", "'equations' must be a section"),
        Case("a section that is a list", "[[equations]]\na = 1\n", "'equations' must be a section"),
        Case("a shape that is a table", _parameter("P = {shape = {a = 1}}"), "the shape of 'P' must be"),
        Case("a shape of shapes", _parameter("P = [['n']]"), "the shape of 'P' must be"),
        Case("a shape of four", _parameter("P = ['n', 'n', 'n', 'n']"), "the shape of 'P' must be"),
        Case("an equation that is a list", _equations("y = ['s[t]']"), "must be text"),
        Case("an equation that is a number", _equations("y = 1"), "must be text"),
    ],
    "numbers": [
        Case("many digits", _equation("s[t-1] * " + "9" * 5000), "not an equation"),
        Case("eighteen digits", _equation("s[t-1] * 123456789012345678"), "in at most 17 digits"),
        Case("a large exponent", _equation("s[t-1] * 1e999"), "between 1e-300 and 1e300"),
        Case("a small exponent", _equation("s[t-1] * 1e-999"), "between 1e-300 and 1e300"),
        Case("an exponent of many digits", _equation("s[t-1] * 1e" + "9" * 12), "1e-300 and 1e300"),
        Case("powers of powers", _equation("s[t-1] * 9**9**9"), "the exponent must be a number from -16 to 16"),
        Case("a power of a state", _equation("s[t-1] ** 999"), "from -16 to 16"),
        Case("a product that overflows", _equation("s[t-1] * 1e200 * 1e200"), "between 1e-300 and 1e300"),
        Case("a sum that overflows", _equation("s[t-1] * (1e300 + 1e300)"), "between 1e-300 and 1e300"),
        Case("division by zero", _equation("s[t-1] / 0"), "division by zero"),
        Case("division by a zero that is made", _equation("s[t-1] / (1 - 1)"), "division by zero"),
        Case("hexadecimal", _equation("s[t-1] * 0xff"), "a number is written plainly"),
        Case("an underscore", _equation("s[t-1] * 1_0"), "a number is written plainly"),
        Case("imaginary", _equation("s[t-1] * 1j"), "not part of the equation language"),
        Case("a truth", _equation("s[t-1] * True"), "not part of the equation language"),
        Case("nan", _equation("s[t-1] * nan"), "'nan' is not declared"),
        Case("a start of inf", _state('s = {shape = ["n"], initial = inf}'), "is \"argument\", a number"),
        Case("a start of nan", _state('s = {shape = ["n"], initial = nan}'), "is \"argument\", a number"),
        Case("an init of inf", _parameter('P = {shape = ["n"], init = inf}'), "is a number or one of"),
        Case("an init of nan", _parameter('P = {shape = ["n"], init = -nan}'), "is a number or one of"),
        Case("a time step of many digits", _equation("s[t-" + "9" * 400 + "]"), "must be [t], or [t-1]"),
        Case("a time step that computes", _equation("s[t-9**9]"), "must be [t], or [t-1]"),
        Case("a time step of 101", _equation("s[t-101]"), "up to [t-100]"),
        Case("a time step ahead", _equation("s[t+1]"), "is a later time step"),
        Case("no time steps", BASE, "from 1 to 10000, not 0", "derive F --steps 0"),
        Case("more steps than digits", BASE, "Invalid value for '--steps'", f"derive F --steps {'9' * 5000}"),
        Case("a negative seed", BASE, "the seed must be a whole number", "verify F --seed -1"),
        Case("a tolerance of nan", BASE, "between 0 and 1, not nan", "verify F --tolerance nan"),
    ],
    "sizes": [
        Case("ten factors of nine terms", _SIZE10, "a size has at most 16 terms"),
        Case("seventeen terms", _SUM17, "a size has at most 16 terms"),
        Case("nine factors", _size("*".join("n" * 9)), "a term of a size has at most 8 factors"),
        Case("squares of squares", _size("*".join(["(n*n*n)"] * 3)), "has at most 8 factors"),
        Case("a large number", _size("1000000001"), "a number in a size is at most 1000000000"),
        Case("a large product", _size("100000*100000"), "a number in a size is at most 1000000000"),
        Case("a size of digits", _size("9" * 4000), "a number in a size is at most"),
        Case("a power", _size("9**9**9"), "not a size"),
        Case("a negative size", _size("n - 5"), "is not positive"),
        Case("nothing", _size("0"), "is not positive"),
        Case("sizes that double from layer to layer", _doubling(), "an equation has at most 10000 characters"),
        Case("code", _size("__import__('os').system('touch canary')"), "not a size"),
        Case("a call", _size("abs(n)"), "not a size"),
        Case("signs", _size("-" * 150 + "n"), "nested at most 100 deep"),
        Case("many names", _equation("+".join(f"sum(concat({','.join([f's[t-{k}]'] * 90)}))" for k in range(1, 7)) + "+s[t-1]"), RULE_OF_OPERATIONS),
        Case("sizes by joining", _with('n = "units"', "\n".join(["n = 'u'", *(f"q{k} = 'u'" for k in range(20))])).replace('W = ["n", "n"]', "\n".join(['W = ["n", "n"]', *( f"p{k} = ['q{k}']" for k in range(20))])).replace("tanh(x[t]", "sum(concat(" + ",".join(f"p{k}" for k in range(20)) + "))*tanh(x[t]"), "at most 16 terms"),
        Case("a large model that is verified", BASE.replace('"n"', "8000"), "verify draws at most 100000 numbers", "verify F"),
        Case("a model of many entries", BASE.replace('"n"', "150"), "the work of verify is at most", "verify F"),
        Case("a large identity", _equation("s[t-1] * sum(eye(100000)) + x[t]"), "verify draws at most 100000 numbers", "verify F"),
        Case("a large identity of a size", _equation("s[t-1] * sum(eye(n*30000)) + x[t]"), "verify draws at most 100000 numbers", "verify F"),
        Case("many steps", BASE.replace('"n"', "20"), "the work of verify is at most", "verify F --steps 1000"),
    ],
    "structure": [
        Case("nested brackets", _equation("(" * 300 + "s[t-1]" + ")" * 300), "too many nested parentheses"),
        Case("nested signs", _equation("-" * 101 + "s[t-1]"), "an equation is nested at most 100"),
        Case("nested calls", _equation(_nested("tanh", 101)), "an equation is nested at most 100"),
        Case("nested cross entropies", _equation("s[t-1]*" + "cross_entropy(s[t-1]*" * 30 + "1" + ",s[t-1])" * 30), RULE_OF_OPERATIONS),
        Case("nested means", _equation("s[t-1]*" + "mean(s[t-1]*" * 30 + "2" + ")" * 30), RULE_OF_DERIVATIVES),
        Case("a product of 40", _equation("*".join(f"(s[t-1]+{k}*x[t])" for k in range(1, 41))), RULE_OF_DERIVATIVES),
        Case("a product of 80", _equation("*".join(["s[t-1]"] * 80)), RULE_OF_DERIVATIVES),
        Case("a product of 300", _equation("*".join(["s[t-1]"] * 300)), "nested at most 100 deep"),
        Case("products of products", _equation("*".join([f"({'*'.join(['s[t-1]'] * 30)})"] * 20)), RULE_OF_OPERATIONS),
        Case("fractions within fractions", _equation("s[t-1]/(1+" * 40 + "s[t-1]" + ")" * 40), RULE_OF_DERIVATIVES),
        Case("a product of softmaxes", _equation("*".join(f"softmax({k}*s[t-1])" for k in range(1, 50))), RULE_OF_DERIVATIVES),
        Case("products that feed each other", _equations("a0 = 's[t-1]*x[t]'", *( f"a{k} = '" + "*".join([f"(a{k - 1}[t]+x[t])"] * 15) + "'" for k in range(1, 16))), "the derivatives of all equations have at most 6000 symbols"),
        Case("201 equations", _equations(*(f"a{k} = '2*s[t-1]'" for k in range(201))), "a model has at most 200 equations"),
        Case("a long equation", _equation("s[t-1]" + " " * 10_000), "at most 10000 characters"),
        Case("101 arguments", _equation(f"concat({','.join(['s[t-1]'] * 101)})[0:n]"), "a call has at most 100 arguments"),
        Case("many earlier steps", BASE.replace("[equations]", "".join(f'b{k} = ["n"]\n' for k in range(4)) + "[equations]\n" + "".join(f'b{k} = "b{k}[t-100] + x[t]"\n' for k in range(4))), "from at most 300 earlier or later time steps"),
        Case("a formula of 60 factors", _function(f'"{"*".join(["(z+1)"] * 60)}"').replace("tanh", "phi"), RULE_OF_DERIVATIVES),
        Case("a start of 60 factors", _parameter("p = ['n']").replace('s = ["n"]', "s = {shape = " f"['n'], initial = '{'*'.join(['(p+1)'] * 60)}'}}"), RULE_OF_DERIVATIVES),
        Case("a cycle", _equations("y = 's[t]'").replace("tanh(x", "tanh(y[t] + x"), "a cycle within the time step"),
        Case("steps without end", BASE, "a derivation has at most 100000 symbols", "derive F --level jacobian --steps 10000"),
        Case("JSON without end", BASE, "a derivation as JSON has at most 25000 factors", "derive F --format json --steps 6000"),
        Case("a figure of many values", _equations(*(f"a{k} = '2*s[t-1]'" for k in range(150))), "a figure has at most 800 values and arrows", "figure F --steps 8 -o out.svg"),
        Case("notes of many values", _equations(*(f"a{k} = '2*s[t-1]'" for k in range(150))), "the figures of notes have at most 2000 values", "notes F --steps 8 -o out.tex"),
        Case("notes of many steps", BASE, "from 1 to 1000, not 1001", "notes F --steps 1001 -o out.tex"),
    ],
    "code": [
        Case("an import", _equation("__import__('os').system('touch canary')"), "not part of the equation language"),
        Case("an attribute", _equation("s[t-1].__class__"), "not part of the equation language"),
        Case("a lambda", _equation("(lambda: s[t-1])()"), "not part of the equation language"),
        Case("a comprehension", _equation("[s[t-1] for x in s]"), "not part of the equation language"),
        Case("a string", _equation("s[t-1] + 'a'"), "not part of the equation language"),
        Case("an f-string", _equation('f"{s[t-1]}"'), "not part of the equation language"),
        Case("a conditional", _equation("s[t-1] if 1 else x[t]"), "not part of the equation language"),
        Case("a walrus", _equation("(y := s[t-1])"), "not part of the equation language"),
        Case("an await", _equation("await s[t-1]"), "not part of the equation language"),
        Case("a statement", _equation("s[t-1]; import os"), "not an equation"),
        Case("an assignment", _equation("s = s[t-1]"), "not an equation"),
        Case("a decorator", _equation("@W"), "not an equation"),
        Case("a builtin", _equation("eval(s[t-1])"), "unknown operation 'eval'"),
        Case("open", _equation("open(s[t-1])"), "unknown operation 'open'"),
        Case("a keyword", _equation("tanh(z=s[t-1])"), "takes its arguments by position"),
        Case("a star", _equation("tanh(*s[t-1])"), "takes its arguments by position"),
        Case("bits", _equation("s[t-1] | x[t]"), "not part of the equation language"),
        Case("a letter that looks like another", _equation("t\u0430nh(s[t-1])"), "an equation is ASCII"),
        Case("a comment that hides a line", _equation("s[t-1] # + x[t]\n+ Q"), "'Q' is not declared"),
        Case("a formula", _function("\"__import__('os')\""), "unknown operation '__import__'"),
        Case("a start", _state("s = {shape = ['n'], initial = \"open('canary', 'w')\"}"), "unknown operation 'open'"),
        Case("an activation", BASE, "--activation takes NAME=FUNCTION", "generate F --activation __import__('os')"),
        Case("an activation that is code", _function('"tanh"'), "unknown function", "generate F --activation phi=__import__('os')"),
        Case("a parameter asked for", BASE, "unknown parameter", "derive F --wrt __import__('os')"),
        Case("a path asked for", BASE, "unknown parameter", "figure F --path {{1}}:2 -o out.svg"),
    ],
    "notations": [
        Case("no TOML", "a = ", "not valid TOML", "derive elman --notation F"),
        Case("an unknown setting", "evil = 1", "unknown setting 'evil'", "derive elman --notation F"),
        Case("dots", "a." * 2000 + "b = 1", "a key has at most 4 parts", "derive elman --notation F"),
        Case("a command", "[names]\nW_s = {latex = '\\input{x}'}", "a command that is not allowed", "derive elman --notation F"),
        Case("a name that is code", "[names]\nW_s = '__import__'", "is not letters and digits", "derive elman --notation F"),
        Case("a name that is none", "[names]\nQ = 'R'", "the model 'elman' has no 'Q'", "derive elman --notation F"),
        Case("two names alike", "[names]\nW_s = 'W_x'", "would print like", "derive elman --notation F"),
        Case("names that are a number", "names = 3", "'names' must be a table", "derive elman --notation F"),
        Case("a large file", "#" * 200_001, "has at most 200000 bytes", "derive elman --notation F"),
    ],
    "modules": [
        Case("a script", "open('canary', 'w')", "it does not begin as a module", "verify F", "m.py"),
        Case("a module that only says so", '"""x\n\nMade by bptt-sym 0.1.0 from the model x:\n"""\n' "open('canary', 'w')\n", "its code is not what bptt-sym wrote", "verify F", "m.py"),
        Case("one that was changed", forged(lambda code: code.replace("np.zeros", "np.ones"), seal=False), "its code is not what bptt-sym wrote", "verify F", "m.py"),
        *(
            Case(what, forged(lambda code, text=text: code + text), says, "verify F", "m.py")
            for what, text, says in (
                ("an import", "import os\n", "it has another import: import os"),
                ("an import from", "from os import system\n", "it has another import"),
                ("a file", "open('canary', 'w')\n", "it has the name 'open'"),
                ("eval", "eval('1')\n", "it has the name 'eval'"),
                ("exec", "exec('1')\n", "it has the name 'exec'"),
                ("a class", "x = np.zeros(1).__class__\n", "it has the attribute '__class__'"),
                ("globals", "x = loss.__globals__\n", "it has the attribute '__globals__'"),
                ("a file of NumPy", "np.save('canary', np.zeros(1))\n", "the attribute 'save'"),
                ("a load of NumPy", "np.load('x')\n", "it has the attribute 'load'"),
                ("an array's file", "np.zeros(1).tofile('canary')\n", "the attribute 'tofile'"),
                ("memory", "x = np.zeros(1).ctypes\n", "it has the attribute 'ctypes'"),
                ("a module by another name", "x = np\n", "it hands on 'np'"),
                ("a module within", "x = np.random\n", "it hands on 'np'"),
                ("a frame", "x = (i for i in range(1)).gi_frame\n", "it has the attribute 'gi_frame'"),
                ("a computed attribute", "getattr(loss, '__glo' + 'bals__')\n", "that it computes"),
                ("a hidden attribute", "getattr(loss, '__globals__')\n", "gets the attribute"),
                ("a getter that is handed on", "x = map(getattr, [loss], ['__globals__'])\n", "it hands on 'getattr'"),
                ("a maker of types that is handed on", "x = map(type, [1])\n", "it hands on 'type'"),
                ("a metaclass", "class A(metaclass=print):\n    x = 1\n", "it has a metaclass"),
                ("a type", "type('A', (), {})\n", "it makes a type"),
                ("a loop without end", "while 1:\n    x = 1\n", "it has a While"),
                ("a try", "try:\n    x = 1\nexcept ValueError:\n    x = 2\n", "it has a Try"),
                ("a lambda", "x = lambda: 1\n", "it has a Lambda"),
                ("a global", "def f() -> None:\n    global x\n", "it has a Global"),
                ("a builtin that is bound elsewhere", "def f(open: int) -> None:\n    x = open\n",
                 "it has the name 'open'"),
                ("a format that reads attributes", "x = '{0.x}'.format(loss)\n", "'format'"),
            )
        ),
        Case("half a module", forged(lambda code: code[: len(code) // 2]), "it is no Python", "verify F", "m.py"),
        Case("a module that is large", "#" * 2_000_001, "has at most 2000000 bytes", "verify F", "m.py"),
        Case("a module that is no UTF-8", b"\xff\xfe", "not UTF-8 text", "verify F", "m.py"),
        Case("a model's option", BASE, "--masked is for a model", "verify --masked m.py"),
    ],
    "modules of our own words alone": [
        Case(what, forged(lambda code, text=text: code + text), says, "verify F", "m.py", runs=True)
        for what, text, says in (
            ("work without end", "x = [i for i in range(10**9) if i < 0]\n",
             "of processor time"),
            ("a list that grows", "x = [1]\nfor i in x:\n    x.append(i)\n", "it takes more than"),
            ("memory without end", "x = np.ones(10**10)\n", "MB of memory"),
        )
    ],
}  # fmt: skip
"""What is refused, by kind."""

OBEYED: dict[str, list[Case]] = {
    "names of files": [
        Case("a command of LaTeX", BASE, r"\label{eq:x-input-evil-:model:s}", "notes F -o out.tex", r"x} \input{evil} {.toml"),
        Case("the end of a comment", BASE, "a- - ->b", "notes F -o out.md", "a--->b<img src=x>.toml"),
        Case("the end of a docstring", BASE, r"a\"\"\"b", "generate F -o out.py", 'a"""b.toml'),
        Case("an escape", BASE, r"\x1b[31m", "derive F -o out.txt", "a\x1b[31mb.toml"),
        Case("right to left", BASE, r"\342\200\256", "derive F -o out.tex --format latex", "a\u202eb.toml"),
        Case("Jinja", BASE, "{{ 7*7 }}", "generate F -o out.py", "{{ 7*7 }}.toml"),
        Case("a quote", BASE, "a'b", "derive F -o out.txt", "a'b.toml"),
        Case("a dollar", BASE, "$HOME", "derive F -o out.txt", "$HOME.toml"),
        Case("an option", BASE, "--help", "derive ./--help.toml -o out.txt", "--help.toml"),
    ],
    "names of code": [
        Case("a way to a file", _parameter('tofile = ["n"]'), "tofile_: Array", "generate F -o out.py"),
        Case("a way to a frame", _parameter('f_back = ["n"]'), "f_back_: Array", "generate F -o out.py"),
        Case("a way to memory", _parameter('ctypes = ["n"]'), "ctypes_: Array", "generate F -o out.py"),
        Case("a builtin", _parameter('eval = ["n"]'), "eval_: Array", "generate F -o out.py"),
        Case("NumPy", _parameter('np = ["n"]'), "np_: Array", "generate F -o out.py"),
    ],
    "texts": [
        Case("markup in a title", 'title = "<script>alert(1)</script>"\n' + BASE, "&lt;script&gt;", "figure F -o out.svg"),
        Case("LaTeX in a title", "title = '\\input{evil}'\n" + BASE, r"\textbackslash{}input\{evil\}", "notes F -o out.tex --document"),
        Case("Markdown in a title", 'title = "[a](javascript:x) `b`"\n' + BASE, "\\[a\\](javascript:x)", "notes F -o out.md"),
        Case("Jinja in a title", 'title = "{{ 7*7 }}{% raw %}"\n' + BASE, "{{ 7*7 }}{% raw %}", "generate F -o out.py"),
        Case("a docstring in a title", "title = 'a\"\"\"b\\'\n" + BASE, r"a\"\"\"b\\", "generate F -o out.py"),
        Case("carriage returns", BASE.replace("\n", "\r\n"), "tanh(", "derive F -o out.txt"),
        Case("a comment in an equation", _equation("tanh(x[t] # the input\n + s[t-1] @ W)"), "tanh(", "derive F -o out.txt"),
        Case("softmax sixteen deep", _equation(_nested("softmax", 16, "x[t] + s[t-1] @ W")), "softmax(z_{s14", "derive F -o out.txt"),
        Case("notes of softmax sixteen deep", _equation(_nested("softmax", 16, "x[t] + s[t-1] @ W")), "needs time", "notes F -o out.md"),
        Case("a path through softmax sixteen deep", _equation(_nested("softmax", 16, "x[t] + s[t-1] @ W")), "</svg>", "figure F --path W -o out.svg"),
        Case("a hundred equations in a row", _equations("a0 = 's[t-1] * x[t]'", *( f"a{k} = 'tanh(a{k - 1}[t])'" for k in range(1, 100))).replace("tanh(x[t]", "tanh(a99[t] + x[t]"), "with respect to W", "derive F -o out.txt"),
        Case("numbers that overflow", _equations("a = 'x[t]**16'", *( f"a{k} = '{'a' if k == 1 else f'a{k - 1}'}[t]**16'" for k in range(1, 6))).replace( "tanh(x[t]", "tanh(a5[t]"), "Backpropagation", "notes F -o out.md"),
    ],
}  # fmt: skip
"""What is read as the data that it is, by kind: the command writes a file that says so."""
