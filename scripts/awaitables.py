# SPDX-License-Identifier: MIT
"""Which functions of the public headers can be awaited, and whether docs/cancellation.md has a row for each.

Knows as much of C++ as the headers use: namespaces, classes with their access, declarations. What it takes for awaitable: a
function that returns a coroutine, an async generator, a class with await_ready() or operator co_await, or a class derived
from one; and one that returns `auto`, since that says nothing. What is none of these in truth stands in NO_ROW.
"""
import pathlib
import re

# How the page calls an object of a class, where that is not the class's name in lower case.
OBJECTS = {
    "StreamReader": "reader", "StreamWriter": "writer", "BoundedSemaphore": "semaphore", "CapacityLimiter": "limiter",
    "TaskGroup": "group", "MemorySendStream": "channel", "MemoryReceiveStream": "channel", "SendChannel": "channel",
    "ReceiveChannel": "channel", "QueueBase": "queue", "BasicQueue": "queue", "AsCompleted": "as_completed",
    "DatagramSocket": "socket", "SignalReceiver": "receiver", "ClientSession": "session", "ClientResponse": "response",
    "StreamResponse": "response", "BodyStream": "content()", "AsyncGenerator": "generator", "MapResults": "results", "CancelScope": "scope", "ProcessPoolExecutor": "process_pool",
    "ThreadPoolExecutor": "pool", "ParkingLot": "parking_lot", "NamedTemporaryFile": "temporary", "TemporaryDirectory": "temporary",
}

# Functions that need no row, and why.
A_TASK = "gives a task, and that has a row"
A_FUTURE = "gives a future, and that has a row"
BLOCKS = "for a thread that blocks, or gives a handle for one"
NEVER_WAITS = "needs an await to know its task, and never waits"
PART = "what async_with awaits, and that has a row"
NO_AWAITABLE = "returns no awaitable"
NO_ROW = {
    "create_task": A_TASK, "eventloop.create_task": A_TASK, "group.create_task": A_TASK, "ensure_future": A_TASK,
    "eventloop.create_future": A_FUTURE, "eventloop.run_in_executor": A_FUTURE,
    "process_pool.submit": BLOCKS, "pool.submit": BLOCKS, "submit_to": "what run_in_executor calls", "run_coroutine_threadsafe": BLOCKS,
    "eventloop.run_until_complete": BLOCKS, "runner.run": BLOCKS, "start_guest_run": BLOCKS,
    "capture_call_graph": NEVER_WAITS, "format_call_graph": NEVER_WAITS, "print_call_graph": NEVER_WAITS,
    "file.enter": PART, "file.exit": PART, "temporary.enter": PART, "temporary.exit": PART, "group.exit": PART,
    "context.run": NO_AWAITABLE, "basetransport.get_extra_info": NO_AWAITABLE, "response.body": NO_AWAITABLE,
    "bodysource.fill": "for the library's own bodies", "body.pieces": NO_AWAITABLE,
    "ticks": "counts iterations in tests",
}

COROUTINES = {"Coro", "AsyncGenerator"}


def without_comments(text: str) -> str:
    literal = r'"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\''
    text = re.sub(literal + r"|//[^\n]*|/\*.*?\*/", lambda match: " " if match[0][0] == "/" else "0", text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\.)*(?:\\\n(?:[^\n\\]|\\.)*)*", "", text, flags=re.M)


def balanced(text: str, opening: str, closing: str) -> int:
    """Where the bracket closes that `text` begins with, behind it."""
    depth = 0
    for i, c in enumerate(text):
        if c == opening:
            depth += 1
        elif c == closing and (closing != ">" or text[i - 1] != "-"):
            depth -= 1
            if depth == 0:
                return i + 1
    return len(text)


def declarations(text: str):
    """Yields (scopes, access, declaration, is_class): each at the level of a namespace or class."""
    stack = [("namespace", "", "public")]
    begin = 0
    i = 0
    while i < len(text):
        c = text[i]
        kind, name, access = stack[-1]
        if c == "(":  # initialisers in parameter lists hold braces
            i += balanced(text[i:], "(", ")")
            continue
        if c == "}":
            stack.pop()
            begin = i + 1
        elif c == ":" and kind == "class" and text[i + 1:i + 2] != ":" and text[i - 1] != ":":
            label = re.search(r"(public|protected|private)\s*$", text[begin:i])
            if label:
                stack[-1] = (kind, name, label[1])
                begin = i + 1
        elif c in ";{":
            head = text[begin:i].strip()
            if head:
                scopes = [(k, n) for k, n, _ in stack[1:]]
                public = all(a == "public" for _, _, a in stack)
                yield scopes, public, head
            if c == "{":
                bare = re.sub(r"^template\s*<", "<", head)
                while bare.startswith("<"):
                    bare = re.sub(r"^template\s*<", "<", bare[balanced(bare, "<", ">"):].strip())
                bare = re.sub(r"^requires\b.*?(?=\b(?:class|struct)\b)", "", bare, flags=re.S)
                if match := re.match(r"(?:inline\s+)?namespace\s*([\w:]*)", bare):
                    stack.append(("namespace", match[1], "public"))
                elif (match := re.match(r"(class|struct|union)\s+(?:\[\[\w+(?:\(\"\"\))?\]\]\s*)?(\w+)", bare)) and "(" not in bare:
                    stack.append(("class", match[2], "private" if match[1] == "class" else "public"))
                else:  # a body, an enumeration, an initialiser
                    i += balanced(text[i:], "{", "}")
                    begin = i
                    continue
            begin = i + 1
        i += 1


def function_of(head: str) -> tuple[str, str] | None:
    """The return type and the name, if the declaration is one of a function."""
    while head.startswith(("template", "requires")):
        rest = head[8:].strip()
        if head.startswith("template"):
            head = rest[balanced(rest, "<", ">"):].strip()
        elif rest.startswith("("):
            head = rest[balanced(rest, "(", ")"):].strip()
        else:
            word = re.match(r"[\w:]+\s*", rest)
            rest = rest[word.end():] if word else rest
            head = rest[balanced(rest, "<", ">"):].strip() if rest.startswith("<") else rest
            if head.startswith(("&&", "||")):
                head = "requires" + head[2:]
    head = re.sub(r"\[\[.*?\]\]|\b(?:static|virtual|inline|constexpr|explicit)\b", "", head, flags=re.S).strip()
    if head.startswith(("friend", "using", "typedef", "extern", "operator", "static_assert")):
        return None
    match = re.match(r"(?P<type>[\w:<>,&*.\s()]+?[\s&*>])(?P<name>~?\w+)\s*\(", head, flags=re.S)
    if not match or "operator" in match["type"]:
        return None
    result = match["type"].strip()
    rest = head[match.end() - 1:]
    trailing = re.match(r"[\s\w]*->\s*(.+)", rest[balanced(rest, "(", ")"):], flags=re.S)
    return (trailing[1] if trailing else result), match["name"]


def outer_type(name: str) -> str:
    name = re.sub(r"^(?:const|typename)\s+", "", name.strip())
    return re.match(r"[\w:()]*", name)[0].split("::")[-1]


def awaitable_functions(include: pathlib.Path) -> dict[str, str]:
    """What can be awaited, as the page names it, and where it is declared."""
    texts = {file: without_comments(file.read_text()) for file in sorted(include.rglob("*.hpp"))}
    bases: dict[str, set[str]] = {}
    awaitable = set(COROUTINES)
    for text in texts.values():
        for match in re.finditer(r"\b(?:class|struct)\s+(?:\[\[[^\]]*\]\]\s*)?(\w+)\s*(?:<[^;{]*>)?\s*(?:final\s*)?:\s([^{;]*)\{", text):
            bases.setdefault(match[1], set()).update(re.findall(r"\w+", match[2]))
        for match in re.finditer(r"\busing (\w+) = ([^;]+);", text):
            bases.setdefault(match[1], set()).add(outer_type(match[2]))
        for scopes, _, head in declarations(text):
            if re.search(r"\bawait_ready\s*\(|operator co_await\s*\(", head):
                awaitable.update(name for kind, name in scopes[-1:] if kind == "class")
    while more := {name for name, of in bases.items() if of & awaitable} - awaitable:
        awaitable |= more
    awaitable -= {"Task", "Future", "AnyTask", "AnyFuture"}
    found: dict[str, str] = {}
    for file, text in texts.items():
        for scopes, public, head in declarations(text):
            names = "::".join(name for _, name in scopes).split("::")
            classes = [name for kind, name in scopes if kind == "class"]
            if not public or ("detail" in names and not (classes and classes[-1] in OBJECTS)):
                continue
            function = function_of(head)
            if function is None or outer_type(function[0]) not in awaitable | {"auto", "decltype()", "decltype(auto)"}:
                continue
            where = f"{OBJECTS.get(classes[-1], classes[-1].lower())}." if classes else ""
            if classes == ["Server"] and "http" in names:
                where = "http_server."
            found.setdefault(where + function[1], str(file.relative_to(include)))
    return found


def named_in(page: str) -> set[str]:
    """What the first cells of the table of awaitables name. `x.read…()` stands for all that begin so."""
    table = page.partition("## Each awaitable")[2].partition("\n## ")[0]
    names: set[str] = set()
    for row in re.findall(r"^\| (.+?) \| ", table, flags=re.M):
        owner = ""
        for text in re.findall(r"`([^`]+)`", row):
            match = re.match(r"(?:(\w+(?:\(\))?)\.)?(?:\w+::)*([\w…]+)", text)
            if not match:
                continue
            owner = match[1] + "." if match[1] else owner
            names.add(owner + match[2])
    return names


def problems(root: pathlib.Path) -> list[str]:
    page = (root / "docs" / "cancellation.md").read_text()
    named = named_in(page)
    starts = tuple(name.partition("…")[0] for name in named if "…" in name)
    found = awaitable_functions(root / "include" / "tutti")
    missing = [f"docs/cancellation.md: no row for {name} of {file}" for name, file in found.items()
               if name not in named and name not in NO_ROW and not (starts and name.startswith(starts))]
    stale = [f"scripts/awaitables.py: NO_ROW names {name}, which no header declares" for name in NO_ROW if name not in found]
    return missing + stale
