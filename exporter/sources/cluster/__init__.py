"""What does a Kubernetes cluster run, and what would it run, as its API tells?"""
