"""Requests to servers that users name: URL previews, push gateways."""
