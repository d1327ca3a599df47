"""What ``emoplugin add`` writes into a Rasa project and ``emoplugin remove`` takes out again.

Every addition is a run of whole lines between two comments. Nothing else of a file is touched, so taking those runs out
gives the file back byte for byte. The second comment carries a checksum, so that lines that somebody changed since do
not go unnoticed. Where the owner has written entries below a section that an addition made, its header stays with them.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from emoplugin.errors import InputError
from emoplugin.models.bundle import find, open_bundle, shipped

COMPONENT = "emoplugin.EmotionClassifier"
SLOT_TYPE = "emoplugin.EmotionSlot"
BEGIN, END = "# >>> added by emoplugin", "# <<< added by emoplugin"
RULES = Path("data") / "emotion_rules.yml"

ENTITIES = [{name: {"influence_conversation": False}} for name in ("emotion", "emotion_confidence", "emotion_trend")]
SLOT = {"type": SLOT_TYPE, "mappings": [{"type": "from_entity", "entity": "emotion"}]}
# Stories that do not name the slot would no longer be recognised when it holds an emotion.
UNUSED = {"influence_conversation": False}
RESPONSES = {
    "utter_emotion_angry": [{"text": "I am sorry, I can hear that this is annoying. Could you put it another way?"}],
    "utter_emotion_sad": [{"text": "I am sorry that you feel this way. Could you tell me a little more?"}],
}
EXAMPLE_RULES = [
    {
        "rule": f"{label} and not understood",
        "condition": [{"slot_was_set": [{"emotion": label}]}],
        "steps": [{"intent": "nlu_fallback"}, {"action": f"utter_emotion_{label}"}],
    }
    for label in ("angry", "sad")
]

_MARK = re.compile(rf"^[ \t]*(?:{BEGIN}|{END})", re.MULTILINE)
_BLOCK = re.compile(
    rf"^[ \t]*{BEGIN}[ \t]*\r?\n((?:(?![ \t]*(?:{BEGIN}|{END})).*\n)*)"
    rf"[ \t]*{END} ([0-9a-f]+)[ \t]*(?:\r?\n|\Z)",
    re.MULTILINE,
)
_NOTHING_MORE = re.compile(r"[ \t]*:[ \t]*(?:#[^\r\n]*)?(?:\r?\n|\Z)")


@dataclass(frozen=True)
class Change:
    """A file before and after; None where there is no file."""

    path: Path
    before: str | None
    after: str | None

    def diff(self, project: Path) -> list[str]:
        """The lines of a unified diff, without line ends."""
        name = self.path.relative_to(project).as_posix()
        old, new = (self.before or "").splitlines(), (self.after or "").splitlines()
        before = "/dev/null" if self.before is None else f"a/{name}"
        after = "/dev/null" if self.after is None else f"b/{name}"
        return list(difflib.unified_diff(old, new, before, after, lineterm=""))


@dataclass(frozen=True)
class Plan:
    """The changes to a project, and what its owner should know about them."""

    changes: Sequence[Change]
    notes: Sequence[str] = ()

    def write(self) -> None:
        """Writes the changes, each file whole or not at all."""
        for change in self.changes:
            if change.after is None:
                change.path.unlink()
            else:
                _write(change.path.resolve(), change.after)


def plan_addition(project: Path, *, model: str | None = None, examples: bool = False) -> Plan:
    """What adding the component to a project changes. Nothing is written.

    Args:
        project: Folder with ``config.yml`` and ``domain.yml``, or a folder ``domain`` of several files.
        model: The bundle that the component uses; None leaves the component's default.
        examples: Whether to add example rules and their responses.

    Raises:
        InputError: Not a project, files that cannot be read, or content that the additions would not fit into.
    """
    config, domain = _config_file(project), _domain_files(project)
    if model is not None:
        model = _named_from(project, model)
    notes: list[str] = []
    before = {path: _read(path) for path in [config, *domain]}
    after = dict(before)

    def extend(path: Path, section: str, added: list[Any] | dict[str, Any]) -> None:
        if added:
            after[path] = _extended(after[path], section, added, _name(project, path))

    extend(config, "pipeline", _pipeline(_load(before[config], _name(project, config)), model, notes))

    contents = {path: _load(before[path], _name(project, path)) for path in domain}
    home = {section: _home(contents, section) for section in ("entities", "slots", "responses")}
    known = {entity for path in domain for entity in _known_entities(before[path], _name(project, path), notes)}
    extend(home["entities"], "entities", [entity for entity in ENTITIES if not known.issuperset(entity)])
    for path, content in contents.items():
        _check_slot(_section(content, "slots").get("emotion"), examples, _name(project, path), notes)
    slots = {"emotion": SLOT if examples else {**SLOT, **UNUSED}}
    extend(home["slots"], "slots", _missing(slots, contents, "slots"))
    if examples:
        extend(home["responses"], "responses", _missing(RESPONSES, contents, "responses"))
    changes = [Change(path, before[path], after[path]) for path in before if after[path] != before[path]]
    if examples and (rules := _new_rules(project)):
        changes.append(rules)
    return Plan(changes, notes)


def plan_removal(project: Path) -> Plan:
    """What taking the additions out of a project changes. Nothing is written.

    Raises:
        InputError: Not a project, files that cannot be read, or an addition that `without_additions` refuses.
    """
    config, domain, rules = _config_file(project), _domain_files(project), project / RULES
    changes, notes = [], []
    for path in [config, *domain, *([rules] if rules.is_file() else [])]:
        text = _read(path)
        rest = without_additions(text, _name(project, path))
        if rest != text:
            notes += _changed_since(text, _name(project, path))
            changes.append(Change(path, text, None if path == rules and not rest.strip() else rest))
    return Plan(changes, notes)


def without_additions(text: str, name: str) -> str:
    """The text of a file without the additions, its content otherwise what it is with them.

    Raises:
        InputError: An addition whose first or last comment is missing, or one that lines below it depend on.
    """
    blocks = list(_BLOCK.finditer(text))
    for mark in _MARK.finditer(text):
        if not _inside(mark.start(), [block.span() for block in blocks]):
            row = _row(text, mark.start())
            raise InputError(f"{name}, row {row}: the other end of this addition is missing; remove the lines by hand.")
    if not blocks:
        return text
    rest = _without(text, blocks, name)
    if rest is None:
        alone = [block for block in blocks if _without(text, [block], name) is None]
        rows = " and ".join(str(_row(text, block.start())) for block in alone or blocks)
        raise InputError(
            f"{name}, row {rows}: lines below this addition would mean something else without it; "
            "move them away, or remove the addition by hand."
        )
    return rest


def _without(text: str, blocks: Sequence[re.Match[str]], name: str) -> str | None:
    """The text without some of its additions; None where what is left would then mean something else."""
    root = _compose(text, name)
    cuts = [cut for block in blocks for cut in _cuts(text, root, block)]
    rest = _cut_out(text, cuts)
    wanted = _content(_pruned(root, cuts), name)
    try:
        return rest if _same(_load(rest, name), wanted) else None
    except InputError:
        return None


def _cuts(text: str, root: MappingNode | None, block: re.Match[str]) -> list[tuple[int, int]]:
    """What to cut out for an addition: all of it, save the header of a section that has the owner's entries below."""
    lines = block.start(1)
    for key, value in _sections(root):
        if _starts_inside(key, [block.span()]) and not all(
            _starts_inside(entry, [block.span()]) for entry in _entry_nodes(value)
        ):
            return [(block.start(), lines), (text.index("\n", key.end_mark.index) + 1, block.end())]
    return [block.span()]


def _cut_out(text: str, cuts: Sequence[tuple[int, int]]) -> str:
    rest, position = "", 0
    for start, end in cuts:
        rest, position = rest + text[position:start], end
    if position == len(text) and not text.endswith("\n"):
        # The file did not end its last line, so the addition did that first.
        rest = re.sub(r"\r?\n\Z", "", rest)
    return rest + text[position:]


def _pruned(root: MappingNode | None, cuts: Sequence[tuple[int, int]]) -> MappingNode | None:
    """The sections and their entries without those that begin in what is cut out."""
    if root is None:
        return None
    root.value = [(key, value) for key, value in root.value if not _starts_inside(key, cuts)]
    for _, value in root.value:
        if isinstance(value, MappingNode):
            value.value = [(key, entry) for key, entry in value.value if not _starts_inside(key, cuts)]
        elif isinstance(value, SequenceNode):
            value.value = [entry for entry in value.value if not _starts_inside(entry, cuts)]
    return root


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two files say the same; a section with nothing in it may be written in several ways."""
    first, second = ({key: value or None for key, value in content.items()} for content in (one, other))
    try:
        return first == second
    except RecursionError:  # An entry that holds itself compares without end.
        return False


def _starts_inside(node: Node, spans: Iterable[tuple[int, int]]) -> bool:
    return _inside(node.start_mark.index, spans)


def _inside(index: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(start <= index < end for start, end in spans)


def _row(text: str, index: int) -> int:
    return text.count("\n", 0, index) + 1


def _named_from(project: Path, model: str) -> str:
    """What a project calls a bundle by, since Rasa looks for it from the project's folder."""
    if model in shipped():
        return model
    if (project / model).is_dir():
        open_bundle(project / model)
        return model
    folder = open_bundle(find(model)).folder.resolve()
    if folder.is_relative_to(project.resolve()):
        name = folder.relative_to(project.resolve()).as_posix()
        # A shipped bundle goes before a folder of the same name.
        return f"./{name}" if name in shipped() else name
    return str(folder)


def _pipeline(config: Mapping[str, Any], model: str | None, notes: list[str]) -> list[Any]:
    """The components to put first in the pipeline."""
    recipe = config.get("recipe") or "default.v1"
    if recipe != "default.v1":
        raise InputError(f"config.yml has the recipe {recipe}; components can be added to default.v1 only.")
    for component in _entries(config, "pipeline"):
        name = component.get("name") if isinstance(component, Mapping) else component
        if str(name).startswith("emoplugin.") or name == "EmotionClassifier":
            used = component.get("model") if isinstance(component, Mapping) else None
            if model not in (None, used):
                raise InputError(f"config.yml has the component already; write `model: {model}` there to change it.")
            return []
    ours = {"name": COMPONENT} if model is None else {"name": COMPONENT, "model": model}
    if _entries(config, "pipeline"):
        return [ours]
    notes.append("config.yml left the pipeline to Rasa, so Rasa's default pipeline now stands after the component.")
    return [ours, *_default_pipeline()]


def _default_pipeline() -> list[Any]:
    spec = find_spec("rasa")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (folder, *_) = spec.submodule_search_locations
    path = Path(folder) / "engine" / "recipes" / "config_files" / "default_config.yml"
    pipeline: list[Any] = _load(_read(path), path.name)["pipeline"]
    return pipeline


def _new_rules(project: Path) -> Change | None:
    path = project / RULES
    if not path.exists():
        content = yaml.safe_dump({"version": "3.1", "rules": EXAMPLE_RULES}, sort_keys=False)
        return Change(path, None, "\n".join([*_framed(content.splitlines()), ""]))
    if not _read(path).lstrip().startswith(BEGIN):
        raise InputError(f"{RULES.as_posix()} is there already; rename it, or leave out --examples.")
    return None


def _missing(added: dict[str, Any], contents: Mapping[Path, Mapping[str, Any]], section: str) -> dict[str, Any]:
    known = {name for content in contents.values() for name in _section(content, section)}
    return {name: value for name, value in added.items() if name not in known}


def _home(contents: Mapping[Path, Mapping[str, Any]], section: str) -> Path:
    """The file that a section of the domain is extended in: the first with something there, or with its name."""
    return max(contents, key=lambda path: (bool(contents[path].get(section)), section in contents[path]))


def _section(content: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    found = content.get(section)
    return found if isinstance(found, Mapping) else {}


def _entries(content: Mapping[str, Any], section: str) -> list[Any]:
    found = content.get(section)
    return found if isinstance(found, list) else []


def _known_entities(text: str, name: str, notes: list[str]) -> list[str]:
    """The entities of a domain's file; where one of ours is there and moves the policies, a note tells so."""
    ours = {entity for entry in ENTITIES for entity in entry}
    known = []
    for row, entity, setting in _entities(text, name):
        known.append(entity)
        if entity in ours and not (isinstance(setting, Mapping) and setting.get("influence_conversation") is False):
            notes.append(
                f"{name}, row {row}: the entity {entity} was there and influences the policies; "
                "give it `influence_conversation: false`."
            )
    return known


def _entities(text: str, name: str) -> Iterator[tuple[int, str, Any]]:
    """Row, name and setting of each entity of a domain's file."""
    sections = [value for key, value in _sections(_compose(text, name)) if key.value == "entities"]
    for node in [node for value in sections if isinstance(value, SequenceNode) for node in value.value]:
        entry, row = _constructed(node, name), node.start_mark.line + 1
        entity, setting = next(iter(entry.items()), (None, None)) if isinstance(entry, Mapping) else (entry, None)
        if not isinstance(entity, str):
            raise InputError(f"{name}, row {row}: this entry of entities has no name; write the entity's name there.")
        yield row, entity, setting


def _check_slot(slot: Any, examples: bool, name: str, notes: list[str]) -> None:
    if slot is None:
        return
    if not (isinstance(slot, Mapping) and slot.get("type") == SLOT_TYPE):
        raise InputError(f"{name} has a slot emotion of its own; rename it, or make its type {SLOT_TYPE}.")
    if examples and slot.get("influence_conversation") is False:
        notes.append(f"{name}: take `influence_conversation: false` out of the slot emotion for the rules.")


def _extended(text: str, section: str, added: list[Any] | dict[str, Any], name: str) -> str:
    """The text with entries put first into a section, which is made at the end where there is none."""
    old = _load(text, name)
    present: Any = old.get(section)
    if present and not isinstance(present, type(added)):
        kind = "list" if isinstance(added, list) else "mapping"
        raise InputError(f"{name}: {section} is not a {kind}; correct it first.")
    index, column, header = _place(text, section, isinstance(added, dict), name)
    lines = yaml.safe_dump(added, sort_keys=False, allow_unicode=True, width=1000).splitlines()
    margin = " " * column
    if header is not None:
        inner = "  " if isinstance(added, dict) else ""
        lines = [header, *(inner + line for line in lines)]
    new = _inserted(text, index, [margin + line for line in _framed(lines)])
    whole: Any = [*added, *(present or [])] if isinstance(added, list) else {**added, **(present or {})}
    try:
        fits = _same(_load(new, name), {**old, section: whole})
        fits = fits and without_additions(new, name) == without_additions(text, name)
    except InputError:
        fits = False
    if not fits:
        raise InputError(f"{name}: {section} is written in a way that can not be extended safely; add to it by hand.")
    return new


def _framed(lines: Sequence[str]) -> list[str]:
    return [BEGIN, *lines, f"{END} {_checksum(lines)}"]


def _checksum(lines: Iterable[str]) -> str:
    """Tells changed lines from added ones; indentation and line ends do not count."""
    return f"{crc32(chr(10).join(line.strip() for line in lines).encode()):08x}"


def _changed_since(text: str, name: str) -> list[str]:
    return [
        f"{name}, row {_row(text, found.start())}: these lines were changed since they were added; "
        "they go with their changes."
        for found in _BLOCK.finditer(text)
        if _checksum(found[1].splitlines()) != found[2]
    ]


def _place(text: str, section: str, mapping: bool, name: str) -> tuple[int, int, str | None]:
    """Where entries go: position, column, and the section's header where it is missing."""
    root = _compose(text, name)
    for key, value in _sections(root):
        if key.value != section:
            continue
        if _entry_nodes(value):
            start = value.start_mark.index
            line = _line_start(text, start)
            if value.flow_style or text[line:start].strip(" "):
                row = value.start_mark.line + 1
                raise InputError(f"{name}, row {row}: give each entry of {section} a line of its own, then try again.")
            return line, value.start_mark.column, None
        header = _NOTHING_MORE.match(text, key.end_mark.index)
        if header is None or value.value != "":
            row = key.start_mark.line + 1
            raise InputError(f"{name}, row {row}: write `{section}:` with nothing after it, then try again.")
        return header.end(), key.start_mark.column + (2 if mapping else 0), None
    return len(text), 0 if root is None else root.start_mark.column, f"{section}:"


def _line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def _inserted(text: str, index: int, lines: Iterable[str]) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    block = newline.join(lines)
    open_end = index == len(text) and text != "" and not text.endswith("\n")
    block = newline + block if open_end else block + newline
    return text[:index] + block + text[index:]


def _compose(text: str, name: str) -> MappingNode | None:
    root: Node | None = _parsed(YAML(typ="safe", pure=True).compose, io.StringIO(text), name)
    if root is None or isinstance(root, MappingNode):
        return root
    raise InputError(f"{name} is not a list of sections such as `pipeline:` or `slots:`.")


def _sections(root: MappingNode | None) -> list[tuple[Node, Node]]:
    return [] if root is None else root.value


def _entry_nodes(section: Node) -> list[Node]:
    if isinstance(section, MappingNode):
        return [key for key, _ in section.value]
    return section.value if isinstance(section, SequenceNode) else []


def _load(text: str, name: str) -> dict[str, Any]:
    return _content(_compose(text, name), name)


def _content(root: MappingNode | None, name: str) -> dict[str, Any]:
    content: dict[str, Any] = {} if root is None else _constructed(root, name)
    return content


def _constructed(node: Node, name: str) -> Any:
    return _parsed(YAML(typ="safe", pure=True).constructor.construct_document, node, name)


def _parsed(parse: Any, source: Any, name: str) -> Any:
    try:
        return parse(source)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context
        place = f", row {mark.line + 1}" if mark is not None else ""
        raise InputError(f"{name}{place}: this is not YAML ({str(problem).splitlines()[0]}).") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: this is not YAML ({str(error).splitlines()[0]}).") from None


def _config_file(project: Path) -> Path:
    if not project.is_dir():
        raise InputError(f"{project} is not a folder; give that of a Rasa project.")
    path = project / "config.yml"
    if not path.is_file():
        raise InputError(f"{project} is not a Rasa project: it has no config.yml.")
    return path


def _domain_files(project: Path) -> list[Path]:
    single, folder = project / "domain.yml", project / "domain"
    if single.is_file():
        return [single]
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".yml", ".yaml") and path.is_file())
    if not files:
        raise InputError(f"{project} has no domain: neither domain.yml nor a folder domain with YAML files.")
    return files


def _name(project: Path, path: Path) -> str:
    return path.relative_to(project).as_posix()


def _read(path: Path) -> str:
    """The text of a file; its byte order mark and its line ends are part of it."""
    data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, row {row}: this is not UTF-8.") from None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
        if path.exists():
            shutil.copymode(path, part)
        else:
            Path(part).chmod(0o644)
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)
