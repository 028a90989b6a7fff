"""Baken Recipient: somebody whom Baken tells by e-mail, in Baken Settings."""

from frappe.model.document import Document


class BakenRecipient(Document):  # type: ignore[misc]
    """A row of Baken Settings' recipients."""
