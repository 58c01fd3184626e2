#!/usr/bin/env python3
"""Print "PASSED FAILED" of one JUnit result file. A skipped test counts as failed."""
import sys
import xml.etree.ElementTree as ET

passed = failed = 0
for case in ET.parse(sys.argv[1]).iter("testcase"):
    faults = [e for e in case if e.tag in ("failure", "error", "skipped")]
    ran = case.get("status") not in ("fail", "disabled", "notrun")  # ctest's own words
    if faults or not ran:
        failed += 1
        print(f"failed: {case.get('classname')} {case.get('name')}", file=sys.stderr)
    else:
        passed += 1
print(passed, failed)
