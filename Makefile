# `make demo` and `make test` need Python 3.11 or newer and a package index, nothing else.
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: demo demo-all demo-video test slow bench lint unlock install

# its data are small, so two jobs at once gain more than two threads; what takes long begins first
demo: install
	snakemake --cores all --quiet progress rules --set-threads align=1 encode=1 --prioritize \
		$(foreach model,lmr_cbt nhfnet glomo,results/demo/$(model).json results/demo/$(model).robustness.csv)
	@cat results/demo/leaderboard.md
	@echo
	@echo "Page:        results/report/index.html"
	@echo "Results:     results/demo/<model>.json, results/demo/leaderboard.csv and .md"
	@echo "Data card:   data/demo/clean/card.md"
	@echo "Every run:   runs/demo/<model>/main/all/<seed>/  (tensorboard --logdir runs)"

# recipe/model, of each of the nine data sets and of MOSEI's emotions; and the files that they read
LOOK_ALIKES := mosi_cmbert/cm_bert few_mosei_direct/nhfnet few_mosei_emotion/lmr_cbt \
	pom_lmf/lmf iemocap_mult/lmr_cbt urfunny/glomo urfunny/hkt mustard/glomo cherma/glomo sims_made/lmf \
	sims_v2/glomo
MADE_UP := mosi_cmbert mosei pom_lmf iemocap_mult urfunny mustard cherma sims sims_v2

# beside the demo: classes, and a look-alike of each data set
demo-all: install
	snakemake --cores all --quiet progress rules --configfile workflow/demo_classes.yaml -- \
		results/demo_humor/leaderboard.md results/demo_emotion/leaderboard.md
	python -m msa demo look-alikes/demo
	python -m msa demo-encoder look-alikes/demo/words.csd look-alikes/encoder
	@for recipe in $(MADE_UP); do \
		python -m msa look-alike $$recipe look-alikes/data/$$recipe/raw || exit 1; done
	python -m msa demo-encoder look-alikes/data/sims/raw/unaligned_39.pkl look-alikes/chinese
	snakemake --cores all --quiet progress rules --configfile workflow/look_alikes.yaml -- \
		$(LOOK_ALIKES:%=look-alikes/results/%.json)
	@cat results/demo_humor/leaderboard.md results/demo_emotion/leaderboard.md
	@ls $(LOOK_ALIKES:%=look-alikes/results/%.json)

# from clips made on the spot to a table: their words, audio and vision are extracted; then two of
# the models predict for a clip that they have not seen
demo-video: install
	test -d demo-video/clips || python -m msa demo-video demo-video/clips
	test -d demo-video/new || python -m msa demo-video demo-video/new --clips 1 --first 24
	snakemake --cores all --quiet progress rules --configfile workflow/demo_video.yaml
	python -m msa predict --input demo-video/new \
		--run demo-video/results/clips/ridge.json demo-video/results/clips/ef_lstm.json \
		--configfile config.yaml workflow/demo_video.yaml \
		--output demo-video/new.csv --page demo-video/new.html
	@cat demo-video/results/clips/leaderboard.md
	@echo
	@echo "Page:        demo-video/results/report/index.html"
	@echo "Extracted:   demo-video/data/clips/raw/card.md"
	@echo "A new clip:  demo-video/new.html, demo-video/new.csv"

test: install
	python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist loadfile \
		--no-loadscope-reorder

slow: install
	python -m pytest -m slow --numprocesses 2 --dist loadfile --no-loadscope-reorder

bench: install
	python -m benchmarks --output benchmarks/results.json

lint: install
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile rules
	snakemake --lint

# after a Snakemake that was killed
unlock: install
	snakemake --unlock

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@
