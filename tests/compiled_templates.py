"""The fork servers import this, so that the commands they fork have the templates of the pages compiled.

Each of them would compile those that it uses, which takes 0.2 s of CPU time.
"""

from __future__ import annotations

from wsproof.report.formats.page import templates

for _name in templates().list_templates(extensions=["html"]):
    templates().get_template(_name)
