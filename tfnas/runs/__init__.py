"""What a run leaves in its folder, and how it is read.

`contents` names the files and their columns, `folder` writes them, `reading`
reads them. `resumable` runs can stop between any two steps.
"""
