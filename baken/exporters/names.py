"""What a metric of the catalogue is called outside: as the store's room has it, for all exporters."""

from baken.history.prometheus_names import (
    PREFIX,
    SITE_LABEL,
    catalogue_label,
    catalogue_name,
    exported,
    exported_label,
    exported_labels,
)

__all__ = [
    "PREFIX",
    "SITE_LABEL",
    "catalogue_label",
    "catalogue_name",
    "exported",
    "exported_label",
    "exported_labels",
]
