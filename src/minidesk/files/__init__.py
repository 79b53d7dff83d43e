"""Stored bytes, what files are, and names of files made harmless."""

from minidesk.files.labels import clean_label, clean_path
from minidesk.files.store import FileStore, Keeping, StoredFile

__all__ = ["FileStore", "Keeping", "StoredFile", "clean_label", "clean_path"]
