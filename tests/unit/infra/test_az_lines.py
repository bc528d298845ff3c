from tools.infra.az_lines import az_lines

_DOCUMENT = """\
Text with `az not this`.

```sh
az group create -n RG -l westeurope   # a comment
export X='y'
az storage message peek -q copy-poison \\
  --query "[].{id:id, content:content}" -o table
az a | base64 -d && az b; NAME=$(az c --query 'x | y' -o tsv)
cd az && echo "az d"
```

```json
az nor this
```

```console
az last
```
"""


def test_az_lines() -> None:
    """Every command in blocks of shell is found with its line: after pipes and in substitutions, and nothing else."""
    assert list(az_lines(_DOCUMENT)) == [
        (4, ["group", "create", "-n", "RG", "-l", "westeurope"]),
        (
            6,
            [
                "storage",
                "message",
                "peek",
                "-q",
                "copy-poison",
                "--query",
                "[].{id:id, content:content}",
                "-o",
                "table",
            ],
        ),
        (8, ["a"]),
        (8, ["b"]),
        (8, ["c", "--query", "x | y", "-o", "tsv"]),
        (17, ["last"]),
    ]
