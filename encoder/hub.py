"""The model hub: one commit of a checkpoint, downloaded to this disk."""

import errno
import re
from collections.abc import Sequence
from pathlib import Path

from encoder.errors import EncoderError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
)
PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json")
# Of sentence-transformers' models, beside the others.
SENTENCE_FILES = (
    *("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"),
    *("chat_template.jinja", "chat_template.json", "video_preprocessor_config.json"),
    *("[0-9]_*/config.json", "[0-9]_*/model.safetensors"),
)
# All that an encoder reads and nothing else: repositories also hold the same weights in
# other formats, which would double the download.
FILES = [
    CONFIG,
    *PROCESSOR_FILES,
    *TOKENIZER_FILES,
    "vocab.txt",
    WEIGHTS,
    "model-*-of-*.safetensors",
    WEIGHTS_INDEX,
    *SENTENCE_FILES,
]
STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)
COMMIT = re.compile(r"[0-9a-f]{40}")

# The hub's own conversion bot opens a pull request with safetensors in repositories that have
# none; transformers looks there too. Anyone can open a pull request, so the author is checked.
CONVERTER = "SFconvertbot"
CONVERSION = "Adding `safetensors` variant of this model"


def fetch(base: str, revision: str | None = None) -> Path:
    """Download a checkpoint's files to the hub's local cache.

    A pinned commit that is already there is used without a request.

    Args:
        base: hub id.
        revision: branch, tag or commit; the main branch when None.

    Returns:
        The cache's folder of that commit; its name is the commit.

    Raises:
        EncoderError: no such model or revision, no access, no safetensors, or the hub out of
            reach.
    """
    if revision and COMMIT.fullmatch(revision):
        cached = _cached(base, revision)
        if cached:
            return cached
    folder = _download(base, revision)
    if _complete(folder):
        return folder
    converted = _conversion(base) if revision in (None, "main") else None
    if converted:
        return _download(base, converted)
    raise EncoderError(
        f"The hub's {base} holds no config.json with a model.safetensors, and Vitrine reads "
        "weights as safetensors only: load it once with transformers, write it by "
        "`model.save_pretrained(FOLDER)`, and give that folder as the base."
    )


def find_files(base: str, revision: str | None, files: Sequence[str] = FILES) -> Path:
    """A folder with some of a repository's files.

    Args:
        base: an existing folder, else a hub id.
        revision: branch, tag or commit on the hub; a folder has none.
        files: names of those that are downloaded, where the repository has them.

    Raises:
        EncoderError: no such model or revision, no access, or the hub out of reach.
    """
    folder = Path(base).expanduser()
    if not folder.is_dir():
        return _download(base, revision, files)
    if revision:
        raise EncoderError(
            f"{base} is a folder and has no revision {revision!r}: leave the revision out."
        )
    return folder


def _cached(base: str, commit: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(base, revision=commit, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if _complete(folder) else None


def _complete(folder: Path) -> bool:
    weights = any((folder / name).is_file() for name in (WEIGHTS, WEIGHTS_INDEX))
    return weights and (folder / CONFIG).is_file()


def _download(base: str, revision: str | None, files: Sequence[str] = FILES) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(base, revision=revision, allow_patterns=list(files)))
    except GatedRepoError as error:
        raise EncoderError(
            f"The hub gives {base} only to users who accepted its terms: accept them on its page, "
            "then sign in with `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise EncoderError(
            f"There is no folder {base!r} here, and the hub has no model of that name (or it is "
            "private): check the spelling, or sign in with `hf auth login`."
        ) from error
    except RevisionNotFoundError as error:
        raise EncoderError(
            f"The hub's {base} has no revision {revision!r}: name a branch, tag or commit it has."
        ) from error
    except HFValidationError as error:
        raise EncoderError(
            f"{base!r} is neither a folder here nor a hub id: give the folder of a model, or an id "
            "in the form OWNER/NAME."
        ) from error
    except _network_errors() as error:
        raise EncoderError(_out_of_reach(base, error)) from error


def _conversion(base: str) -> str | None:
    """The reference of the conversion bot's pull request with safetensors, where there is one."""
    from huggingface_hub import get_repo_discussions

    try:
        return next(
            (
                request.git_reference
                for request in get_repo_discussions(
                    base, author=CONVERTER, discussion_type="pull_request"
                )
                if request.author == CONVERTER and request.title == CONVERSION
            ),
            None,
        )
    except _network_errors() as error:
        raise EncoderError(_out_of_reach(base, error)) from error


def _network_errors() -> tuple[type[Exception], ...]:
    """What the hub's client raises when the network fails; some names differ by its release."""
    from huggingface_hub import errors, utils

    transport = getattr(utils, "httpx2", None) or getattr(utils, "httpx", None)
    newer = (getattr(transport, "HTTPError", None), getattr(errors, "XetDownloadError", None))
    return (OSError, errors.HfHubHTTPError, *(kind for kind in newer if kind))


def _out_of_reach(base: str, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in STORAGE_ERRORS:
        return (
            f"{base} cannot be written to the hub's local cache ({error.strerror}): "
            "free some space, or name another folder in HF_HOME."
        )
    return (
        f"The model hub cannot be reached and {base} is not in the local cache: connect once, or "
        f"fetch it on another machine (`hf download {base} --local-dir FOLDER`) and give that "
        "folder as the base."
    )
