"""Publication into Supabase Storage."""

from integrations.supabase_storage.provider import SupabaseStorage

__all__ = ["SupabaseStorage"]
