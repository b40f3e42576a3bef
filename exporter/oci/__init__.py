"""Types of the OCI and Docker specifications, parsed once, trusted afterwards."""
