"""Uploads, downloads, thumbnails and link previews."""
