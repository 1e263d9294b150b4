"""The pipeline: from a brief to a published video, stage by stage (``docs/pipeline.md``)."""
