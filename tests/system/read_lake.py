"""Reads the lake with engines that share no code with ours and prints what each sees, as JSON.

usage: read_lake.py LAKE_DIR
"""

import json
import os
import pathlib
import sys
from decimal import Decimal

import duckdb
import duckdb_ext
import pyarrow.compute as pc
from chdb import session
from deltalake import DeltaTable


def with_duckdb(lake: pathlib.Path) -> dict:
    extension = next(pathlib.Path(duckdb_ext.__path__[0]).rglob("delta.duckdb_extension"))
    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")

    def one(sql: str) -> tuple:
        return connection.execute(sql).fetchone()

    requests, rejects = f"delta_scan('{lake}/requests')", f"delta_scan('{lake}/rejects')"
    rows, cost, read, first = one(f"SELECT count(*), sum(cost_usd), sum(cache_read_tokens), epoch(min(time)) FROM {requests}")
    (rejected,) = one(f"SELECT count(*) FROM {rejects}")
    blames, blamed = one(f"SELECT count(*), coalesce(sum(cost_usd), 0) FROM delta_scan('{lake}/blame')")
    (asked,) = one(f"SELECT coalesce(sum(cost_usd), 0) FROM {requests} WHERE causes IS NOT NULL")
    (explained,) = one(f"SELECT coalesce(sum(part.cost_usd), 0) FROM (SELECT unnest(causes) AS part FROM {requests})")
    (evicted,) = one(
        f"SELECT coalesce(sum(part.tokens), 0) FROM (SELECT unnest(causes) AS part FROM {requests})"
        " WHERE part.cause = 'evicted_neighbour'"
    )
    (nodes,) = one(f"SELECT coalesce(sum(cost_usd), 0) FROM delta_scan('{lake}/capacity')")
    (lines,) = one(
        f"SELECT coalesce(sum(line.cost_usd), 0) FROM (SELECT unnest(lines) AS line FROM delta_scan('{lake}/capacity'))"
        " WHERE line.policy = 'peak'"
    )
    return {
        "nodes_usd": f"{nodes:.12f}",
        "lines_usd": f"{lines:.12f}",
        "rows": rows,
        "cost_usd": f"{cost:.12f}",
        "cache_read_tokens": int(read),
        "rejects": rejected,
        "first": first,
        "blames": blames,
        "blamed_usd": f"{blamed:.12f}",
        "asked_usd": f"{asked:.12f}",
        "explained_usd": f"{explained:.12f}",
        "evicted_tokens": int(evicted),
    }


def with_pyarrow(lake: pathlib.Path) -> dict:
    columns = ["cost_usd", "cache_read_tokens", "time", "causes"]
    requests = DeltaTable(lake / "requests").to_pyarrow_table(columns=columns)
    blame = DeltaTable(lake / "blame").to_pyarrow_table(columns=["cost_usd"])
    asked = requests.filter(pc.is_valid(requests["causes"]))
    parts = pc.list_flatten(requests["causes"])
    evicted = pc.equal(pc.struct_field(parts, "cause"), "evicted_neighbour")
    zero = Decimal(0)
    rejects = DeltaTable(lake / "rejects").to_pyarrow_table(columns=["reason"])
    nodes = DeltaTable(lake / "capacity").to_pyarrow_table(columns=["cost_usd", "lines"])
    lines = pc.list_flatten(nodes["lines"])
    peak = pc.equal(pc.struct_field(lines, "policy"), "peak")
    return {
        "nodes_usd": f"{pc.sum(nodes['cost_usd']).as_py() or zero:.12f}",
        "lines_usd": f"{pc.sum(pc.struct_field(lines, 'cost_usd').filter(peak)).as_py() or zero:.12f}",
        "rows": requests.num_rows,
        "cost_usd": f"{pc.sum(requests['cost_usd']).as_py():.12f}",
        "cache_read_tokens": pc.sum(requests["cache_read_tokens"]).as_py(),
        "rejects": rejects.num_rows,
        "first": pc.min(requests["time"]).as_py().timestamp(),
        "blames": blame.num_rows,
        "blamed_usd": f"{pc.sum(blame['cost_usd']).as_py() or zero:.12f}",
        "asked_usd": f"{pc.sum(asked['cost_usd']).as_py() or zero:.12f}",
        "explained_usd": f"{pc.sum(pc.struct_field(parts, 'cost_usd')).as_py() or zero:.12f}",
        "evicted_tokens": pc.sum(pc.struct_field(parts, "tokens").filter(evicted)).as_py() or 0,
    }


def with_clickhouse(lake: pathlib.Path) -> dict:
    # ClickHouse reads local tables only below the directory it runs in.
    os.chdir(lake)
    connection = session.Session()

    def one(sql: str) -> dict:
        return json.loads(connection.query(sql, "JSONEachRow").bytes())

    requests = one(
        "SELECT count() AS rows, toString(sum(cost_usd)) AS cost_usd, toString(sum(cache_read_tokens)) AS cache_read_tokens,"
        f" toString(toUnixTimestamp64Micro(min(time))) AS first FROM deltaLakeLocal('{lake}/requests')"
    )
    rejects = one(f"SELECT count() AS rejects FROM deltaLakeLocal('{lake}/rejects')")
    blame = one(f"SELECT count() AS rows, toString(sum(cost_usd)) AS cost_usd FROM deltaLakeLocal('{lake}/blame')")
    causes = one(
        "SELECT toString(sum(if(notEmpty(causes), cost_usd, 0))) AS asked,"
        " toString(sum(arraySum(arrayMap(part -> part.cost_usd, causes)))) AS explained,"
        " toString(sum(arraySum(arrayMap(part -> if(part.cause = 'evicted_neighbour', part.tokens, 0), causes)))) AS evicted"
        f" FROM deltaLakeLocal('{lake}/requests')"
    )
    nodes = one(
        "SELECT toString(ifNull(sum(cost_usd), 0)) AS nodes,"
        " toString(sum(arraySum(arrayMap(line -> if(line.policy = 'peak', ifNull(line.cost_usd, toDecimal128(0, 12)), 0), lines)))) AS lines"
        f" FROM deltaLakeLocal('{lake}/capacity')"
    )
    return {
        "nodes_usd": f"{Decimal(nodes['nodes']):.12f}",
        "lines_usd": f"{Decimal(nodes['lines']):.12f}",
        "rows": int(requests["rows"]),
        "cost_usd": f"{Decimal(requests['cost_usd']):.12f}",
        "cache_read_tokens": int(requests["cache_read_tokens"]),
        "rejects": int(rejects["rejects"]),
        "first": int(requests["first"]) / 1e6,
        "blames": int(blame["rows"]),
        "blamed_usd": f"{Decimal(blame['cost_usd']):.12f}",
        "asked_usd": f"{Decimal(causes['asked']):.12f}",
        "explained_usd": f"{Decimal(causes['explained']):.12f}",
        "evicted_tokens": int(causes["evicted"]),
    }


if __name__ == "__main__":
    place = pathlib.Path(sys.argv[1]).absolute()
    readers = {"duckdb": with_duckdb, "pyarrow": with_pyarrow, "clickhouse": with_clickhouse}
    print(json.dumps({name: read(place) for name, read in readers.items()}, indent=2))
