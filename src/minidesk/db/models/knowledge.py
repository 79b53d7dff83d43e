"""Sources, documents, versions, chunks, vectors and the revisions that the indexes follow."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Source(Base):
    """An uploaded file, or one file of a folder: stored bytes and what became of them."""

    __tablename__ = "sources"
    __table_args__ = (UniqueConstraint("site_id", "path"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(String(500))  # public: below the ingested folder, extension kept
    base_url: Mapped[str | None] = mapped_column(String(1000))
    kind: Mapped[str] = mapped_column(String(8), default="file", server_default="file")  # file | faq | page
    # public | agents: who may be told. The documents' own column is compared when something is searched; this one is
    # what they get when they are written.
    audience: Mapped[str] = mapped_column(String(8), default="public", server_default="public")
    # How the newest bytes came, and whose hand it was: upload | entry | crawl | api | command | restore | refresh.
    origin: Mapped[str] = mapped_column(String(8), default="upload", server_default="upload")
    author: Mapped[str | None] = mapped_column(String(120))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    content_type: Mapped[str | None] = mapped_column(String(120))
    generation: Mapped[int] = mapped_column(
        default=1
    )  # raised at each upload: a late result of an older one loses
    status: Mapped[str] = mapped_column(String(16))  # queued | processing | ready | failed | skipped
    reason: Mapped[str | None] = mapped_column(Text)  # a sentence that a person can act on
    code: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Document(Base):
    """What a source holds: a file is one document, each row of a sheet or line of a JSONL one of its own."""

    __tablename__ = "documents"
    __table_args__ = (UniqueConstraint("site_id", "external_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    source_id: Mapped[str] = mapped_column(ForeignKey("sources.id", ondelete="CASCADE"), index=True)
    external_id: Mapped[str] = mapped_column(String(500))  # the public id
    title: Mapped[str] = mapped_column(String(300))
    url: Mapped[str | None] = mapped_column(String(2000))
    language: Mapped[str | None] = mapped_column(String(8))
    status: Mapped[str] = mapped_column(String(16))  # ready | unpublished | failed | skipped | retired
    reason: Mapped[str | None] = mapped_column(Text)
    current_version_id: Mapped[str | None] = mapped_column(Id)  # what answers; replaced in one step
    # While it is unpublished: what would answer. Its passages and vectors stay, and no query for current ones finds them.
    held_version_id: Mapped[str | None] = mapped_column(Id)
    audience: Mapped[str] = mapped_column(
        String(8), default="public", server_default="public"
    )  # public | agents
    expires_at: Mapped[datetime | None]  # from then on it answers nothing
    review_at: Mapped[datetime | None]  # from then on somebody should look at it
    fingerprint: Mapped[str] = mapped_column(
        String(64), default=""
    )  # content and recipe of the current version
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DocumentVersion(Base):
    """One state of a document's text."""

    __tablename__ = "document_versions"
    __table_args__ = (UniqueConstraint("document_id", "n"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    n: Mapped[int]
    text: Mapped[str] = mapped_column(Text)  # chunks and citations give offsets into it, in characters
    sha256: Mapped[str] = mapped_column(String(64))  # of the stored file
    source_id: Mapped[str | None] = mapped_column(
        Id
    )  # whose file that was; no foreign key: the row may be gone
    title: Mapped[str | None] = mapped_column(String(300))
    questions: Mapped[list[Any] | None]  # of an FAQ entry: the question and the other ways to ask it
    origin: Mapped[str | None] = mapped_column(String(8))  # as in `Source`, when it was made
    author: Mapped[str | None] = mapped_column(String(120))
    created_at: Mapped[datetime]


class Chunk(Base):
    """A passage: what retrieval returns. Only those of a document's current version are kept."""

    __tablename__ = "chunks"
    __table_args__ = (UniqueConstraint("version_id", "ordinal"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[str] = mapped_column(ForeignKey("document_versions.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    kind: Mapped[str] = mapped_column(String(8))  # text | faq | table
    heading_path: Mapped[list[Any]]
    question: Mapped[str | None] = mapped_column(Text)  # of an FAQ entry
    phrasings: Mapped[list[Any]] = mapped_column(default=list)  # further ways to ask it
    text: Mapped[str] = mapped_column(Text)  # equals version.text[start:end]
    start: Mapped[int]
    end: Mapped[int]
    page: Mapped[int | None]  # from 1, of a PDF


class Vector(Base):
    """An embedding of a chunk: float16, little-endian, L2-normalised. Chroma and every other index are rebuilt from these."""

    __tablename__ = "vectors"
    __table_args__ = (UniqueConstraint("chunk_id", "kind", "ordinal"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id, index=True)
    chunk_id: Mapped[str] = mapped_column(ForeignKey("chunks.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))  # text | title | phrasing | sentence
    ordinal: Mapped[int]
    text_hash: Mapped[str] = mapped_column(String(64), index=True)  # an unchanged text is not embedded twice
    fingerprint: Mapped[str] = mapped_column(String(64))  # of the embedding model and its precision
    data: Mapped[bytes] = mapped_column(LargeBinary)


class TokenVectors(Base):
    """What each token of a chunk means where it stands (`answering.late`): to be read again at any time, never missed."""

    __tablename__ = "token_vectors"

    chunk_id: Mapped[str] = mapped_column(ForeignKey("chunks.id", ondelete="CASCADE"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))  # of the embedding model and its precision
    text_hash: Mapped[str] = mapped_column(
        String(64)
    )  # of the text that was read: the chunk's below its heading
    data: Mapped[bytes] = mapped_column(LargeBinary)


class KnowledgeRevision(Base):
    """One change that the indexes must follow: `document_id`'s chunks were replaced, or removed."""

    __tablename__ = "knowledge_revisions"

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    document_id: Mapped[str] = mapped_column(Id)  # no foreign key: the row may be gone
    added: Mapped[list[Any]]  # chunk ids
    removed: Mapped[list[Any]]  # chunk ids
    created_at: Mapped[datetime]
