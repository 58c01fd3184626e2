#!/usr/bin/env python3
"""Write the PrometheusRule of deploy/k8s/components/monitoring, which is its plain rules file in a wrapper.

    tools/monitoring_rules.py          rewrite it
    tools/monitoring_rules.py --check  exit 1 when it is not up to date
"""
import argparse
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "deploy" / "k8s" / "components" / "monitoring"
RULES = FOLDER / "telefact.rules.yaml"
WRAPPED = FOLDER / "prometheusrule.yaml"
HEAD = """# Made of telefact.rules.yaml by tools/monitoring_rules.py.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: telefact
  labels:
    app.kubernetes.io/name: telefact
spec:
"""


def rendered() -> str:
    lines = [line for line in RULES.read_text().splitlines() if not line.startswith("#")]
    return HEAD + "".join(f"  {line}\n" for line in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        WRAPPED.write_text(rendered())
    elif not WRAPPED.exists() or WRAPPED.read_text() != rendered():
        print(f"{WRAPPED.name}: not what {RULES.name} says; run tools/monitoring_rules.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
