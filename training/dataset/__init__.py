"""From an archive of photos to files on disk and in the bucket."""
