# The two commands of the README are `make demo` and `make test`; the others are parts of them or tools for developers.
.PHONY: help demo test sim bench fmt

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make demo          install what is missing, build, run the built-in fleet through the pipeline, serve the API until Ctrl-C
demo:
	deploy/local/install --without-tests
	cargo run --package aliquot --quiet -- demo $(ARGS)

## make test          install what is missing, then format check, lints and all tests, also those against real services
test:
	deploy/local/test

## make sim SEED=n    run one seed of the simulation, with its faults listed
sim:
	@test -n "$(SEED)" || { echo 'make sim: name the seed, as in: make sim SEED=17' >&2; exit 2; }
	SEED=$(SEED) cargo test --package aliquot-pipeline --test sim -- one_seed --ignored --nocapture

## make bench         measure ingest with each encoding beside its floor, optimised build (EVENTS=n)
bench:
	deploy/local/install --without-tests
	tests/bench/ingest $(EVENTS)

## make fmt           format the Rust code
fmt:
	cargo fmt --all
