"""A whole run on the tiny model: every stage, its folder, and an interruption in the middle."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from filelock import FileLock
from safetensors.torch import load_file

from braingemma3d.errors import InputError
from braingemma3d.model.configuration_braingemma3d import BrainGemma3DConfig
from braingemma3d.model.loading import load_model
from braingemma3d.report.pipeline import Pipeline
from braingemma3d.simulate.case import case_id
from braingemma3d.training import run as run_module
from braingemma3d.training.config import TrainingConfig, read_config
from braingemma3d.training.patients import key
from braingemma3d.training.run import Run

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def config(tmp_path_factory, backbone_folders):
    """configs/smoke.yaml with the tiny model."""
    settings = yaml.safe_load((CONFIGS / "smoke.yaml").read_text())
    settings |= {"size": "tiny", "model": {"language_source": str(backbone_folders.language)}}
    settings["data"] = {"simulate": 4}
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(yaml.safe_dump(settings))
    return read_config(path)


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    assert Run(config, out, workers=1).go() == out / "specialise"
    return out


def trained(folder):
    return load_file(folder / "model.safetensors")


def test_every_stage_leaves_a_model_that_loads_and_writes(finished):
    for name in ("ground", "warmup", "specialise"):
        model, processor = load_model(str(finished / name))
        assert model.config.trained_stage == name
        texts = Pipeline(model, processor, name).write(torch.zeros(2, 1, *model.config.volume_shape))
        assert len(texts) == 2
    assert model.has_lora
    asked = processor(torch.zeros(1, 1, *model.config.volume_shape))
    written = model.generate(**asked)[0, asked["input_ids"].shape[1] :]
    assert set(written.tolist()) <= set(model.config.report_tokens)
    assert len(model.config.report_tokens) < model.config.text_config.vocab_size
    assert model.generation_config.repetition_penalty in (None, 1.0)


def test_a_stage_changes_what_it_trains_and_nothing_else(finished):
    ground, warmup, last = (trained(finished / name) for name in ("ground", "warmup", "specialise"))
    for name in ground:
        if name.startswith("vision_encoder."):
            assert torch.equal(ground[name], warmup[name]), name
            assert torch.equal(ground[name], last[name]), name
    for name in ("compressor.queries", "projector.layers.0.weight"):
        assert not torch.equal(ground[name], warmup[name]), name
        assert not torch.equal(warmup[name], last[name]), name
    assert ground["vision_encoder.depth_positions"].abs().max() > 0


def test_curves_and_configuration_lie_beside_the_weights(config, finished):
    record = json.loads((finished / "ground" / "training.json").read_text())
    assert record["config"] == config.model_dump(mode="json")
    assert record["history"][-1]["step"] == 3
    assert set(record["patients"]) == {key("simulated", case_id(config.data.seed, index)) for index in range(4)}
    assert record["cases_sha256"] == json.loads((finished / "warmup" / "training.json").read_text())["cases_sha256"]


def test_what_is_finished_is_not_run_again(config, finished, monkeypatch):
    monkeypatch.setattr(run_module, "train", None)
    Run(config, finished).go()


def test_an_interrupted_run_goes_on_and_ends_with_the_same_weights(config, finished, tmp_path, monkeypatch):
    (tmp_path / "grids").symlink_to(finished / "grids")
    real = run_module.train

    def broken(learner, data, stage, out, *args, **kwargs):
        if stage.name == "specialise":
            args = (lambda items: stop(learner, items), *args[1:])
        return real(learner, data, stage, out, *args, **kwargs)

    asked = []

    def stop(learner, items):
        asked.append(len(items))
        # The fourth batch is asked for while the third is learned, after the checkpoint of the second.
        if len(asked) == 4:
            raise KeyboardInterrupt
        return learner.collate(items)

    monkeypatch.setattr(run_module, "train", broken)
    with pytest.raises(KeyboardInterrupt):
        Run(config, tmp_path).go()
    assert (tmp_path / "warmup").is_dir()
    assert not (tmp_path / "specialise").exists()
    assert (tmp_path / "checkpoints" / "specialise" / "checkpoint-2").is_dir()
    monkeypatch.setattr(run_module, "train", real)
    Run(config, tmp_path).go()
    whole, resumed = trained(finished / "specialise"), trained(tmp_path / "specialise")
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name
    adapters = [
        load_file(f / "specialise" / "lora_adapters" / "adapter_model.safetensors") for f in (finished, tmp_path)
    ]
    assert all(torch.equal(adapters[0][name], adapters[1][name]) for name in adapters[0])


def changed(config, name, **settings):
    """The configuration with another setting of one stage."""
    stages = [one.model_copy(update=settings) if one.name == name else one for one in config.stages]
    return config.model_copy(update={"stages": tuple(stages)})


@pytest.fixture
def begun(finished, tmp_path, monkeypatch):
    """A function that begins a stage after those before it, and returns what would have been trained, and how."""
    learned = []
    monkeypatch.setattr(run_module, "train", lambda *args, **_: learned.append(args))

    def begin(config, name):
        later = [stage.name for stage in config.stages[[one.name for one in config.stages].index(name) :]]
        shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("run.json", "checkpoints", *later))
        Run(config, tmp_path / "run").go(name)
        return learned[0]

    return begin


def test_a_stage_goes_on_from_the_one_before_it_with_its_own_settings(config, begun, monkeypatch):
    loaded, shares = [], []
    load, cache = run_module.BrainGemma3DForConditionalGeneration.from_pretrained, run_module.cache_features
    monkeypatch.setattr(
        run_module.BrainGemma3DForConditionalGeneration,
        "from_pretrained",
        lambda folder, **how: loaded.append(folder.name) or load(folder, **how),
    )
    monkeypatch.setattr(
        run_module, "cache_features", lambda *args: shares.append(args[-1]) or cache(*args[:-1], flatten=0.0)
    )
    learner, _, stage, *_ = begun(changed(config, "specialise", flatten=0.5, emphasis=7.0), "specialise")
    assert (stage.name, learner.emphasis) == ("specialise", 7.0)
    assert loaded == ["warmup"]
    assert shares == [0.5]


def test_visual_tokens_begin_as_large_as_words(config, begun):
    learner, data, stage, *_ = begun(config, "ground")
    batch = torch.stack([data[i]["pixel_values"] for i in range(stage.batch)])
    with torch.no_grad():
        tokens = learner.projector(learner.compressor(learner.encoder(batch)))
    assert tokens.pow(2).mean().sqrt() == pytest.approx(learner.as_words.words.pow(2).mean().sqrt().item(), rel=0.3)


def test_they_begin_so_however_few_volumes_come_in_parts(config, begun):
    _, data, *_ = begun(changed(config, "ground", steps=4, batch=2, keep=4, whole=0.25), "ground")
    assert data.whole_from == 6
    assert "kept" in data[5]
    assert "kept" not in data[6]


def test_as_many_are_healthy_as_the_configuration_says(config, finished, tmp_path, monkeypatch):
    cohorts = []
    grids = sorted((finished / "grids").glob("*/*"))
    monkeypatch.setattr(run_module, "draw_grids", lambda _, cases, cohort, *rest: cohorts.append(cohort) or grids)
    data = config.data.model_copy(update={"healthy": 0.75})
    assert Run(config.model_copy(update={"data": data}), tmp_path).shards == grids
    assert (cohorts[0].healthy, cohorts[0].seed) == (0.75, config.data.seed)


def test_curves_without_their_package_are_refused_before_any_work(config, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "get_available_reporting_integrations", lambda: ["tensorboard"])
    with pytest.raises(InputError, match="report_to: trackio is not installed"):
        Run(config.model_copy(update={"report_to": ("tensorboard", "trackio")}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_medgemmas_stages_and_align_train_on_scans_and_their_reports(config, tmp_path, brain_file):
    texts = ("A lesion lies in the left frontal lobe, with mild edema.", "No lesion is seen.")
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(
        "".join(
            json.dumps({"id": text, "patient": text, "image": str(brain_file), "source": "test", "report": text}) + "\n"
            for text in texts
        )
    )
    settings = yaml.safe_load((CONFIGS / "medgemma.yaml").read_text())
    ground, *writing = ({**stage, "steps": 2, "batch": 2} for stage in settings["stages"])
    align = {**ground, "name": "align", "rates": {"compressor": 1e-3, "projector": 1e-3, "heads": 1e-3}, "chunk": None}
    settings |= {"size": "tiny", "model": config.model, "data": {"manifest": str(manifest)}}
    run = Run(TrainingConfig.model_validate({**settings, "stages": [ground, align, *writing]}), tmp_path / "run")
    assert run.go() == run.out / "specialise"
    before, after = trained(run.out / "ground"), trained(run.out / "align")
    assert not torch.equal(before["compressor.queries"], after["compressor.queries"])
    encoder = [name for name in before if name.startswith("vision_encoder.")]
    assert all(torch.equal(before[name], after[name]) for name in encoder)


def test_two_processes_train_one_model(config, finished, tmp_path):
    out, settings = tmp_path / "run", tmp_path / "tiny.yaml"
    out.mkdir()
    (out / "grids").symlink_to(finished / "grids")
    settings.write_text(config.model_dump_json())
    programs = Path(sys.executable).parent
    launch = [programs / "torchrun", "--standalone", "--nproc_per_node", "2"]
    train = [programs / "braingemma3d", "train", settings, "--out", out]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*launch, *train], check=True, env=one_thread, capture_output=True, text=True)
    assert done.stdout == f"Written to {out / 'specialise'}\n", "each by itself would write this"
    assert done.stderr.count("grid shards are there") == 1
    alone, together = trained(finished / "specialise"), trained(out / "specialise")
    assert together.keys() == alone.keys()
    assert all(value.isfinite().all() for value in together.values())
    for name in (name for name, value in alone.items() if value.ndim > 1 and not name.endswith("positions")):
        torch.testing.assert_close(together[name].norm(), alone[name].norm(), rtol=0.05, atol=0)
        assert (together[name] - alone[name]).norm() < 0.1 * alone[name].norm(), name


def test_a_stage_asks_for_those_before_it(config, tmp_path):
    with pytest.raises(InputError, match=r"pretrain: this stage comes before warmup; run it first"):
        Run(config, tmp_path).go("warmup")


def test_a_stage_that_the_configuration_lacks(config, tmp_path):
    short = config.model_copy(update={"stages": config.stages[:1]})
    with pytest.raises(InputError, match="no stage 'warmup'; it has pretrain"):
        Run(short, tmp_path).go("warmup")


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("tublet_depth", 4, "no setting 'tublet_depth'"),
        ("tubelet_depth", 0, "tubelet_depth must be at least 1"),
        ("inflation", "middle", "inflation"),
        ("compressor_heads", 0, "can't be built"),
        ("volume_shape", [64], "can't be built"),
    ],
)
def test_a_wrong_model_setting_is_one_line(config, tmp_path, setting, value, says):
    wrong = config.model_copy(update={"model": config.model | {setting: value}})
    with pytest.raises(InputError, match=says):
        Run(wrong, tmp_path)


@pytest.mark.parametrize("kind", ["FSDP", "DEEPSPEED"])
def test_split_weights_are_refused(config, tmp_path, monkeypatch, kind):
    monkeypatch.setenv(f"ACCELERATE_USE_{kind}", "true")
    with pytest.raises(InputError, match="without FSDP or DeepSpeed"):
        Run(config, tmp_path)


def test_what_a_later_stage_cannot_do_is_refused_before_the_first(config, tmp_path, monkeypatch):
    few = config.model_copy(update={"model": config.model | {"num_visual_tokens": 8}})
    with pytest.raises(InputError, match=r"ground: 8 visual tokens .* set model\.num_visual_tokens"):
        Run(few, tmp_path)
    monkeypatch.setattr(run_module, "PartialState", lambda: SimpleNamespace(num_processes=4))
    with pytest.raises(InputError, match="warmup: 4 processes can't share a batch of 2 evenly"):
        Run(config, tmp_path)


def test_reports_may_be_as_long_as_those_learned_from(config, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "SLACK", 1000)
    longer = config.model_copy(update={"stages": (config.stages[-2],)})
    model, _ = load_model(str(Run(longer, tmp_path, workers=1, shared=finished).go()))
    assert model.generation_config.max_new_tokens > 1000


def test_a_model_gains_the_words_of_new_reports(config, finished, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(finished, out, ignore=shutil.ignore_patterns("specialise"))
    settings = json.loads((out / "warmup" / "config.json").read_text())
    words = settings["report_tokens"]
    settings["report_tokens"] = words[::2]
    (out / "warmup" / "config.json").write_text(json.dumps(settings))
    Run(config, out).go()
    assert json.loads((out / "specialise" / "config.json").read_text())["report_tokens"] == words


def test_patients_are_those_that_it_learned_from_whatever_becomes_of_the_manifest(
    config, finished, tmp_path, monkeypatch
):
    line = {"image": "a.nii", "source": "site", "report": "No lesion."}
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("".join(json.dumps({**line, "id": p, "patient": p}) + "\n" for p in ("a", "b")))
    (grids,) = (finished / "grids").glob("*/*")
    monkeypatch.setattr(run_module, "read_grids", lambda *_: [grids])
    real = run_module.train
    monkeypatch.setattr(run_module, "train", lambda *args, **how: manifest.unlink() or real(*args, **how))
    settings = {"data": {"manifest": manifest}, "stages": config.stages[-2:-1], "size": "tiny", "model": config.model}
    out = Run(TrainingConfig.model_validate(settings), tmp_path / "run").go()
    assert set(json.loads((out / "training.json").read_text())["patients"]) == {key("site", "a"), key("site", "b")}


def test_a_backbone_of_another_width_is_one_line(config, finished, tmp_path):
    text = BrainGemma3DConfig.of_size("tiny").text_config
    width = text.hidden_size
    sizes = text.to_dict() | {"hidden_size": 2 * width}
    wrong = config.model_copy(update={"model": config.model | {"text_config": sizes}, "stages": config.stages[-2:-1]})
    with pytest.raises(InputError, match=rf"a backbone is {width} wide and text_config is for {2 * width}"):
        Run(wrong, tmp_path, shared=finished).go()


def test_two_trainings_do_not_share_a_folder(config, finished, tmp_path):
    with FileLock(finished / "training.lock"), pytest.raises(InputError, match="another training is at work here"):
        Run(config, finished).go()
    Run(config, tmp_path)
    other = config.model_copy(update={"own_words": False})
    # It draws its cases, and has not begun to learn.
    with FileLock(tmp_path / "training.lock"), pytest.raises(InputError, match="another training is at work here"):
        Run(other, tmp_path)
    assert (tmp_path / "run.json").read_text() == config.model_dump_json(indent=2)


def test_a_trained_model_goes_on_learning(config, finished, tmp_path):
    writing = config.stages[-1].model_copy(update={"steps": 3, "rates": {"compressor": 1e-3}})
    start = finished / "specialise"
    history = json.loads((start / "training.json").read_text())
    (start / "training.json").write_text(json.dumps(history | {"patients": ["earlier"]}))
    settings = {"data": config.data, "stages": [writing], "start": str(start)}
    out = Run(TrainingConfig.model_validate(settings), tmp_path / "run", shared=finished).go()
    before, after = trained(start), trained(out)
    assert not torch.equal(before["compressor.queries"], after["compressor.queries"])
    assert torch.allclose(before["compressor.queries"], after["compressor.queries"], atol=0.01)
    assert all(torch.equal(before[name], after[name]) for name in before if not name.startswith("compressor."))
    assert (out / "lora_adapters").is_dir()
    learned_from = json.loads((out / "training.json").read_text())["patients"]
    assert set(learned_from) == {"earlier", *history["patients"]}, "those of the model that it goes on from, too"
    (start / "training.json").write_text(json.dumps(history))
    model, _ = load_model(str(out))
    assert model.config.report_tokens == load_model(str(start))[0].config.report_tokens


def test_a_size_without_weights_is_nothing_to_start_from(config, tmp_path):
    settings = {"data": config.data, "stages": config.stages[-1:], "start": "medgemma"}
    with pytest.raises(InputError, match="medgemma has no trained weights"):
        Run(TrainingConfig.model_validate(settings), tmp_path)


def test_a_folder_belongs_to_one_configuration(config, finished):
    other = config.model_copy(update={"data": config.data.model_copy(update={"seed": 2})})
    with pytest.raises(InputError, match="another configuration"):
        Run(other, finished)


def test_the_stages_of_a_run_learn_from_the_same_cases(config, finished):
    records = next((finished / "grids").glob("*/*/records.json"))
    text = records.read_text()
    records.write_text(text.replace("lesion", "mass"))
    try:
        with pytest.raises(InputError, match="the cases have changed"):
            _ = Run(config, finished).shards
    finally:
        records.write_text(text)
    assert Run(config, finished).shards


def test_a_run_that_failed_before_it_trained_anything_may_be_corrected(config, tmp_path):
    Run(config, tmp_path)
    other = config.model_copy(update={"data": config.data.model_copy(update={"seed": 2})})
    assert Run(other, tmp_path).config == other
    assert json.loads((tmp_path / "run.json").read_text())["data"]["seed"] == 2
