"""What is read of Kubernetes' objects: the few fields that tell who needs which image where.

Source: Kubernetes API v1.34, core/v1, apps/v1, batch/v1. Whatever else an object has is skipped.
"""
