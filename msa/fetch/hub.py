"""Hub: a file of a data set of the Hugging Face hub, `hf://datasets/OWNER/NAME@REVISION/FILE`.

`huggingface_hub` says where it lies and what it is, with the user's token. Its own download begins
anew in each process, which is long for gigabytes; so ours fetches it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import unquote, urlsplit

import requests
from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import HfFileMetadata
from huggingface_hub.utils import build_hf_headers

from msa.base.reading import said
from msa.config.recipes import HUB_FILE
from msa.fetch.answer import TRY_AGAIN, Broken, Refused, Version, request_file, version

LOG_IN = "then log in (`hf auth login`) or set HF_TOKEN"


def request_hub_file(
    http: requests.Session, url: str, headers: dict[str, str], timeout: tuple[float, float]
) -> tuple[requests.Response, Version]:
    """As `request_file`, with what the hub says of the file.

    Raises:
        Refused: the hub does not give it to this user, or may not be asked.
        Broken: it has trouble, or cannot be reached.
        requests.RequestException: who serves its files is gone, or slow.
    """
    address, metadata = _metadata(url, timeout[1])
    location = metadata.location
    if urlsplit(location).netloc == urlsplit(address).netloc:  # nobody else's to read
        headers = headers | {
            name: value
            for name, value in build_hf_headers().items()
            if name.lower() == "authorization"
        }
    answer = request_file(http, location, headers, timeout)
    current = version(answer, url)
    # of large files the tag is the checksum
    large = re.fullmatch("[0-9a-f]{64}", metadata.etag or "")
    return answer, replace(
        current,
        length=current.length or metadata.size,
        revision=metadata.commit_hash,
        sha256=metadata.etag if large else None,
    )


def _metadata(url: str, timeout: float) -> tuple[str, HfFileMetadata]:
    """The file's address by http, and what the hub says of it."""
    parts = HUB_FILE.fullmatch(url)
    if not parts:
        raise Refused("expected hf://datasets/OWNER/NAME@REVISION/FILE")
    name, revision, file = parts[1], unquote(parts[2]), parts[3]
    address = hf_hub_url(name, file, repo_type="dataset", revision=revision)
    page = address.partition("/resolve/")[0]
    with hub_says("data set", page, revision, file):
        metadata = get_hf_file_metadata(address, timeout=timeout)
    if metadata.commit_hash is None:
        raise Refused(f"{address} is not answered by a hub; HF_ENDPOINT, or a proxy?")
    return address, metadata


@contextmanager
def hub_says(kind: str, page: str, revision: str = "", file: str = "") -> Iterator[None]:
    """What speaks against it where the hub is asked.

    Args:
        kind: of repository, such as "data set".
        page: its address for people.
        revision, file: that are asked for.

    Raises:
        Refused, Broken: as `request_hub_file`.
    """
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise Refused("HF_HUB_OFFLINE forbids to ask the hub") from error
    except GatedRepoError as error:
        raise Refused(
            f"the hub gives it to whom its owners grant access: ask at {page}, {LOG_IN}"
        ) from error
    except RepositoryNotFoundError as error:
        raise Refused(
            f"the hub has no such {kind}, or not for everybody: look at {page}, {LOG_IN}"
        ) from error
    except RevisionNotFoundError as error:
        raise Refused(f"the hub's {kind} has no revision {revision}") from error
    except LocalEntryNotFoundError as error:  # of a download that could not ask
        raise Broken(f"the hub cannot be reached: {said(error.__cause__ or error)}") from error
    except EntryNotFoundError as error:
        raise Refused(f"the hub's {kind} has no file {file} at this revision") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in TRY_AGAIN:
            raise Broken(f"the hub answers HTTP {status}") from error
        raise Refused(f"the hub answers HTTP {status}: look at {page}, {LOG_IN}") from error
    # others are those of the HTTP library below, another one from version to version
    except Exception as error:
        raise Broken(f"the hub cannot be reached: {said(error)}") from error
