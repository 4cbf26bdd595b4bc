"""Results as values, tables and pages."""

import dataclasses
import json
import math
from html.parser import HTMLParser

import pytest

import gradleak
from gradleak._html import page_part
from gradleak._records import ImageResult, run_records, value_of
from gradleak._results import remarks


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "out"
    return gradleak.audit(
        "lenet",
        ["coffee", "chelsea"],
        size=16,
        defences="fp16",
        budget=30,
        batch_size=1,
        out=out,
    )


class Page(HTMLParser):
    """Checks that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.images.append(dict(attributes))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_values_mirror_the_records(result):
    entries = json.loads((result.folder / "run.json").read_text())
    assert [run.record for run in result.runs] == entries
    for index, image in enumerate(result.images):
        entry = entries[index]["images"][0]
        assert image.name == entry["name"]
        assert image.psnr == entry["psnr"]
        assert image.true_label == entry["trueLabel"]
        assert image.mean_image_psnr == entry["meanImagePSNR"]
        assert image.is_identified is True
    assert result.runs[0].diagnosis.verdict == "recovered"
    assert result.runs[0].trials[0].method == "layer peeling"
    assert result.threat_model.known[0] == "architecture"
    assert result.grade == result.record["grade"] == "F"
    assert result.defences[0].startswith("fp16")
    assert "came back in full" in result.verdict


def test_all_of_the_programs_fields_are_known(result):
    fields = {f.name.replace("_", "") for f in dataclasses.fields(ImageResult)}
    for entry in result.record["records"]:
        for image in entry["images"]:
            assert {key.lower() for key in image} - {"numbers"} <= fields


def test_numbers_that_json_lacks():
    image = value_of(ImageResult, {"psnr": "inf", "ssim": "nan", "somethingNew": [1]})
    assert image.psnr == math.inf
    assert math.isnan(image.ssim)


def test_a_table_has_all_runs(result):
    table = result.to_frame()
    assert set(table.defence) == {"none", "fp16"}
    assert table.psnr.min() > 20
    assert {"name", "attack", "seed", "diagnosis", "level"} - set(table.columns) == {"level"}


def test_pictures_are_read_when_asked_for(result, tmp_path):
    first = result.images[0]
    assert first.array.dtype == "float32"
    assert first.original.size == first.picture.size == (16, 16)
    (tmp_path / "empty").mkdir()
    gone = run_records([result.runs[0].record], tmp_path / "empty")[0].images[0]
    with pytest.raises(FileNotFoundError, match="is not there"):
        _ = gone.picture
    assert gone.original is None


def test_notebooks_see_the_verdict_first_and_pictures_inline(result):
    page = Page(page_part(result))
    assert page.texts[0].startswith("Grade F, not passed")
    assert len(page.images) == 4
    assert all(i["src"].startswith("data:image/png;base64,iVBOR") for i in page.images)
    assert all(i["alt"] for i in page.images)


def test_notebooks_escape_everything(result, tmp_path):
    folder = result.save(tmp_path / "copy")
    name = '<script>alert("1")</script>&'
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace('"coffee"', json.dumps(name)))
    evil = gradleak.read(folder)
    assert evil.images[0].name == name
    page = page_part(evil)
    assert "<script>" not in page
    assert name in "".join(Page(page).texts)


def test_texts_are_results_too():
    result = gradleak.reconstruct(
        "tiny-bert", text=["call me back at five"], precision="f64", quiet=True
    )
    assert result.texts[0].recovered == result.texts[0].original
    assert result.texts[0].level == "full"
    assert result.recovered == 1
    assert "call me back" in page_part(result)
    assert result.to_frame().recovered[0] == "call me back at five"


def test_an_audit_is_no_truth_value(result):
    with pytest.raises(TypeError, match=r"\.passed"):
        bool(result)
    assert "not passed" in repr(result)
    assert str(result).startswith("Grade F: Images come back in full.")


def test_remarks_are_paragraphs():
    said = "note: one\n      two\nother\nnote: three\nwarning: four\n         five\n"
    assert remarks(said, "note: ") == ["one two", "three"]
    assert remarks(said, "warning: ") == ["four five"]
