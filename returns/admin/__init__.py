"""Support's door: cases with their journals, the verbs as buttons, nothing to edit by hand."""

from django.conf import settings
from django.contrib import admin

from returns.admin import case, journal, keys, parts, policy, shop

__all__ = ["case", "journal", "keys", "parts", "policy", "shop"]

admin.site.site_header = f"{settings.MARKETPLACE} back office"
admin.site.site_title = admin.site.site_header
admin.site.index_title = "Everything there is"
