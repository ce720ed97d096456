"""Share links of Google Drive and Dropbox: the addresses behind them that give the file."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

DRIVE = "https://drive.google.com"
DROPBOX = "https://www.dropbox.com"


def drive_id(url: str) -> str | None:
    """The id of a file on Drive: of `gdrive:ID`, `.../uc?id=ID` or `.../file/d/ID/view`."""
    if url.startswith("gdrive:"):
        return url.removeprefix("gdrive:")
    parts = urlsplit(url)
    if parts.netloc not in ("drive.google.com", "docs.google.com"):
        return None
    in_path = re.match(r"/file/d/([\w-]+)", parts.path)
    return in_path[1] if in_path else dict(parse_qsl(parts.query)).get("id")


def direct_url(url: str) -> str:
    """The address to ask for a file; an ordinary URL is its own."""
    if file := drive_id(url):
        return f"{DRIVE}/uc?{urlencode({'export': 'download', 'id': file})}"
    parts = urlsplit(url)
    if parts.netloc == urlsplit(DROPBOX).netloc:
        query = urlencode(dict(parse_qsl(parts.query)) | {"dl": "1"})
        return urlunsplit(parts._replace(query=query))
    return url


def browsable_url(url: str) -> str:
    """The address to open by hand."""
    return f"{DRIVE}/file/d/{file}/view" if (file := drive_id(url)) else url


def confirmed_url(page: str, url: str) -> str | None:
    """The link behind Drive's page that warns of a file too large to scan for viruses.

    Returns:
        The address that the page's form leads to; None if it has no such form.
    """
    form = _DownloadForm()
    form.feed(page)
    if form.action is None:
        return None
    return f"{urljoin(url, form.action)}?{urlencode(form.inputs)}"


class _DownloadForm(HTMLParser):
    """The form `download-form` of a page: its action and its hidden inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.inside = False
        self.inputs: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form" and attributes.get("id") == "download-form":
            self.action, self.inside = attributes.get("action", ""), True
        elif tag == "input" and attributes.get("type") == "hidden" and self.inside:
            self.inputs[attributes.get("name", "")] = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "form"
