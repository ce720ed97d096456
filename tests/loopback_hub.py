"""A hub on loopback that keeps what is pushed to it, as far as `huggingface_hub` asks it."""

import base64
import hashlib
import json
import re
from contextlib import contextmanager

from serving import Answer, serving

ANY = r"/api/models/([^/?]+/[^/?]+)"


class Hub:
    """Models by name, each with its commits: {path: bytes} by id, the newest last.

    `private` has the names that nobody else sees; `tokens` those who may write.
    """

    def __init__(self, server):
        self.server = server
        self.url = server.url
        self.models = {}
        self.private = set()
        server.reply = self.reply

    def commit(self, name, files):
        """Add files to the newest commit; those that are None go. Its id."""
        commits = self.models.setdefault(name, {})
        before = [*commits.values()][-1] if commits else {}
        now = {path: body for path, body in (before | files).items() if body is not None}
        oid = hashlib.sha1(repr((len(commits), sorted(now))).encode()).hexdigest()
        commits[oid] = now
        return oid

    def reply(self, asked):
        path = asked.path.partition("?")[0]
        if asked.method == "POST":
            return self.written(path, asked)
        if found := re.fullmatch(ANY + "(?:/revision/([^/]+))?", path):
            return self.described(found[1], found[2] or "main")
        if found := re.fullmatch(ANY + "/tree/([^/]+)", path):
            files = self.files(found[1], found[2])
            return files and as_json([entry(name, body) for name, body in files[1].items()])
        if found := re.fullmatch("/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            files = self.files(found[1], found[2])
            if not files or found[3] not in files[1]:
                return refused(404, "EntryNotFound" if files else "RevisionNotFound")
            body = files[1][found[3]]
            headers = {"X-Repo-Commit": files[0], "X-Linked-Size": str(len(body))}
            return Answer(body, etag=f'"{git_id(body)}"', headers=headers)
        return None

    def files(self, name, revision):
        """A commit's id and files; None where there is none."""
        commits = self.models.get(name, {})
        oid = [*commits][-1] if revision == "main" and commits else revision
        return (oid, commits[oid]) if oid in commits else None

    def described(self, name, revision):
        if name not in self.models:
            return refused(401, "RepoNotFound")
        if not (files := self.files(name, revision)):
            return refused(404, "RevisionNotFound")
        siblings = [{"rfilename": path, "size": len(body)} for path, body in files[1].items()]
        about = {"id": name, "sha": files[0], "siblings": siblings}
        return as_json(about | {"private": name in self.private})

    def written(self, path, asked):
        if path == "/api/validate-yaml":
            return as_json({"errors": [], "warnings": []})
        if asked.authorization != "Bearer hf_writes":
            return refused(401)
        if path == "/api/repos/create":
            return self.created(json.loads(asked.body))
        if re.fullmatch(ANY + "/preupload/main", path):
            every = json.loads(asked.body)["files"]
            modes = {"uploadMode": "regular", "shouldIgnore": False}
            return as_json({"files": [{"path": file["path"], **modes} for file in every]})
        if found := re.fullmatch(ANY + "/commit/main", path):
            lines = [json.loads(line) for line in asked.body.splitlines()]
            files = {
                line["value"]["path"]: base64.b64decode(line["value"].get("content", ""))
                if line["key"] == "file"
                else None
                for line in lines
                if line["key"] in ("file", "deletedFile")
            }
            oid = self.commit(found[1], files)
            return as_json({"commitUrl": f"{self.url}/{found[1]}/commit/{oid}", "commitOid": oid})
        return None

    def created(self, wanted):
        name = f"{wanted['organization']}/{wanted['name']}"
        if name in self.models:
            return as_json({"url": f"{self.url}/{name}"}, 409)
        if wanted.get("private") or wanted.get("visibility") == "private":
            self.private.add(name)
        self.commit(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
        return as_json({"url": f"{self.url}/{name}"})


def as_json(content, status=200):
    return Answer(json.dumps(content).encode(), status, kind="application/json", etag=None)


def refused(status, code=""):
    return Answer(b"", status, headers={"X-Error-Code": code} if code else {}, etag=None)


def entry(name, body):
    return {"type": "file", "path": name, "size": len(body), "oid": git_id(body)}


def git_id(body):
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


@contextmanager
def hub_on_loopback():
    with serving() as server:
        yield Hub(server)
