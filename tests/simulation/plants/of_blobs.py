"""Bugs in how one asset becomes one blob."""

from tests.simulation.plants.planting import hunk, plant

_BLOCKS = "shared.copying.blocks"
_ENGINE = "shared.copying.engine"
_EXISTING = "shared.copying.existing"
_READING = "shared.copying.reading"
_STAGING = "shared.copying.staging"

OF_BLOBS = (
    plant(
        "block ids say which block it is, and not what is in it",
        "Two workers overwrite each other's blocks, and whoever commits names the other's bytes.",
        hunk(
            _BLOCKS,
            """
-    return base64.urlsafe_b64encode(version + index.to_bytes(_INDEX_BYTES, "big") + sha256).decode()
+    return base64.urlsafe_b64encode(bytes(12) + index.to_bytes(_INDEX_BYTES, "big") + bytes(32)).decode()
""",
        ),
    ),
    plant(
        "block ids don't say which version of the source they are of",
        "A copy goes on after the blocks of another version.",
        hunk(
            _BLOCKS,
            r"""
-    if validator is not None:
-        return _hashed(f"{way}{validator}\n{length}\n{block_size}\n{href}")
""",
        ),
    ),
    plant(
        "the rest of a source is read whichever version it is of",
        "A resumed copy sends no If-Match with its range.",
        hunk(
            _READING,
            """
-            rest = Rest(first=begun, total=body.length, validator=body.validator, encoding=body.encoding)
""",
        ),
        hunk(
            _READING,
            """
-                self._sources.open(self._job.asset.href, dataset=self._job.dataset, rest=rest)
+                self._sources.open(self._job.asset.href, dataset=self._job.dataset)
""",
        ),
        hunk(
            _READING,
            """
-            chunks = watched(following, self._job, clock=self._clock, first=begun, total=body.length)
+
+            async def rest():
+                passed = 0
+                async for chunk in following.chunks():
+                    if passed + len(chunk) > begun:
+                        yield chunk[max(0, begun - passed) :]
+                    passed += len(chunk)
+
+            chunks = rest()
""",
        ),
    ),
    plant(
        "a small blob overwrites whatever stands there",
        "No If-None-Match: it looks before it writes.",
        hunk(
            _ENGINE,
            """
+            replaces = there.etag if (there := await self.blobs.look(job.path)) else None
             written = await self.blobs.put(job.path, pieces, content=_content(job, body, row, whole), replaces=replaces)
""",  # noqa: E501 - as it stands there
        ),
    ),
    plant(
        "a large blob overwrites whatever stands there",
        "The same for a commit.",
        hunk(
            _ENGINE,
            """
+            replaces = there.etag if (there := await self.blobs.look(job.path)) else None
             written = await self.blobs.commit(job.path, staging.ids, content=content, replaces=replaces)
""",
        ),
    ),
    plant(
        "a body that ended too early is whole",
        "Bytes are not counted against the length that the source stated.",
        hunk(
            _ENGINE,
            """
-        if body.length is not None and whole.length != body.length:
-            raise TruncatedBodyError(f"{whole.length} bytes of {body.length} came")
""",
        ),
        hunk(
            _ENGINE,
            """
-        if job.asset.size is not None and whole.length != job.asset.size:
-            raise LengthMismatchError(f"the catalog states {job.asset.size} bytes, the source has {whole.length}")
""",
        ),
    ),
    plant(
        "digests aren't compared",
        "What the catalog and the source state of the bytes is only written down.",
        hunk(
            _ENGINE,
            """
-        if wrong := missed(expected, have=whole.written):
+        if wrong := []:
""",
        ),
    ),
    plant(
        "a copy that failed deletes its blob",
        "What a concurrent winner wrote goes with it.",
        hunk(
            _ENGINE,
            """
             first = await source.first()
-        if not await staging.run(source.blocks, first=first, whole=whole, share=source.share):
-            raise _unfinished(job, len(staging.ids))
+        try:
+            if not await staging.run(source.blocks, first=first, whole=whole, share=source.share):
+                raise _unfinished(job, len(staging.ids))
+        except Exception:
+            await self.blobs.delete(job.path)
+            raise
         row = self._verified(job, body, whole)
""",
        ),
        hunk(
            _ENGINE,
            """
         except BlobConflictError:
-            return await self._theirs(job, row)
+            await self.blobs.delete(job.path)
+            raise
         if written.length != row.length or digests(written.metadata) != row.digests:
""",
        ),
    ),
    plant(
        "a copy that failed commits nothing over its blob, to be rid of its blocks",
        "So a 0-byte blob replaces what a concurrent winner wrote, for a while.",
        hunk(
            _ENGINE,
            """
-        if not await staging.run(source.blocks, first=first, whole=whole, share=source.share):
-            raise _unfinished(job, len(staging.ids))
+        try:
+            if not await staging.run(source.blocks, first=first, whole=whole, share=source.share):
+                raise _unfinished(job, len(staging.ids))
+        except Exception:
+            there = await self.blobs.look(job.path)
+            content = Content(md5=None, media_type='', metadata={})
+            await self.blobs.put(job.path, (), content=content, replaces=there.etag if there else None)
+            raise
""",
        ),
    ),
    plant(
        "whoever wrote first is failed against",
        "InvalidBlockList, 409 and 412 are failures: the destination isn't read back.",
        hunk(
            _ENGINE,
            """
         except BlobConflictError:
-            return await self._theirs(job, row)
+            raise DestinationContendedError('somebody else was first') from None
         if written.length != row.length or digests(written.metadata) != row.digests:
""",
        ),
    ),
    plant(
        "whoever wrote first has written what we wanted",
        "The destination is read back after a conflict, and not compared.",
        hunk(
            _ENGINE,
            """
-        if done := kept_instead(job, standing, row=row):
+        if done := Kept(row=row.model_copy(update={'etag': standing.etag})):
""",
        ),
    ),
    plant(
        "a commit is taken for what it was asked to be",
        "What stands there right after it isn't looked at: another blob's ETag gets into the row.",
        hunk(
            _ENGINE,
            """
-        if written.length != row.length or digests(written.metadata) != row.digests:
-            raise BlobConflictError("another blob stood there right after the commit")
""",
        ),
    ),
    plant(
        "what stands there is what was asked for",
        "A blob is kept by its existence alone.",
        hunk(
            _EXISTING,
            """
-    if not _is_ours(job, standing) or job.doubts(standing.etag):
-        return False
+    if _is_ours(job, standing):
+        return True
""",
        ),
    ),
    plant(
        "buffers are never given back",
        "The budget of memory runs dry, and copies wait for ever.",
        hunk(
            _STAGING,
            """
-        self._hold.release()
""",
        ),
    ),
    plant(
        "what couldn't be staged is left out",
        "An error of Put Block is swallowed, and the other blocks are committed.",
        hunk(
            _STAGING,
            """
-            await self._blobs.stage(self._path, block.pieces, block_id=name)
+            try:
+                await self._blobs.stage(self._path, block.pieces, block_id=name)
+            except Exception:
+                return
         self.ids[index] = name
""",
        ),
        hunk(
            _ENGINE,
            """
-            written = await self.blobs.commit(job.path, staging.ids, content=content, replaces=replaces)
+            staged = [each for each in staging.ids if each]
+            written = await self.blobs.commit(job.path, staged, content=content, replaces=replaces)
""",
        ),
    ),
)
