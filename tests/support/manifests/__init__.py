"""The manifests of deploy/k8s: rendered by kustomize, questioned as objects, held against the real programs."""
