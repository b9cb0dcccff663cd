"""The faults that the project promises to survive, and the test of each."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FAULTS = {
    "SIGKILL at any step, also during a checkpoint write": [
        "test_resume.py::test_two_kills_change_nothing",
        "test_resume.py::test_twenty_kills_change_nothing",
        "test_runs.py::test_a_checkpoint_left_half_written_is_not_seen",
    ],
    "SIGTERM, Ctrl-C": [
        "test_resume.py::test_a_signal_keeps_the_step_and_has_its_exit_code",
        "test_sweep.py::test_a_signal_is_passed_on_as_sigterm",
    ],
    "nobody reads the output": [
        "faults/test_disks.py::test_a_reader_that_leaves_costs_an_epoch",
        "test_resume.py::test_a_reader_that_leaves_costs_nothing",
        "test_command.py::test_without_a_reader_no_code_is_lost",
        "test_sweep.py::test_a_run_without_a_reader_stops_the_sweep",
    ],
    "newest checkpoint torn": [
        "test_runs.py::test_a_torn_checkpoint_gives_way_to_the_one_before",
        "faults/test_disks.py::"
        "test_a_torn_checkpoint_is_said_and_costs_an_epoch",
    ],
    "resume with another method, seed or batch": [
        "faults/test_disks.py::test_a_refused_resume_leaves_the_checkpoints",
        "test_search.py::test_an_error_that_needs_no_data_answers_at_once",
    ],
    "P-DARTS killed between stages": [
        "faults/test_steps.py::"
        "test_a_search_killed_between_stages_keeps_its_operations",
    ],
    "second process on one run folder": [
        "test_runs.py::"
        "test_a_second_process_is_refused_until_the_first_is_gone",
        "test_search.py::"
        "test_a_run_that_another_process_holds_is_refused_at_once",
    ],
    "disk full": [
        "faults/test_disks.py::"
        "test_a_disk_that_fills_up_in_a_search_costs_an_epoch",
        "faults/test_disks.py::test_a_disk_that_is_full_from_the_start",
        "faults/test_disks.py::test_a_report_that_does_not_fit_is_named",
        "test_runs.py::test_a_full_disk_is_named_and_spares_what_is_there",
    ],
    "read-only folder": [
        "faults/test_disks.py::test_a_read_only_folder_is_refused_at_once",
    ],
    "NaN or infinite loss": [
        "faults/test_steps.py::test_a_loss_that_is_no_number_names_the_step",
        "test_stages.py::test_a_search_that_has_diverged_stops_in_one_line",
    ],
    "out of memory": [
        "faults/test_steps.py::"
        "test_a_step_that_needs_too_much_memory_names_the_batch",
    ],
    "replicas, indivisible batch": [
        "test_replicas.py",
        "test_devices.py::test_an_indivisible_batch_names_those_that_divide",
    ],
    "a worker that is lost": ["test_workers.py"],
    "partial batch, empty split": [
        "test_data_streams.py::"
        "test_a_batch_above_the_half_gives_one_smaller_batch",
        "test_data_streams.py::test_one_image_cannot_be_split",
        "faults/test_inputs.py::test_an_empty_split_is_named",
    ],
    "gray, RGBA, 16-bit, corrupt, 1-pixel, non-square, too small images": [
        "test_data_folder.py::"
        "test_gray_images_keep_one_channel_unless_others_have_colour",
        "test_data_folder.py::test_alpha_is_dropped",
        "test_data_folder.py::test_sixteen_bits_become_eight",
        "test_data_folder.py::test_a_corrupt_image_is_named",
        "faults/test_inputs.py::test_an_image_of_one_pixel_leaves_no_room",
        "faults/test_inputs.py::test_images_that_are_not_square_are_searched",
        "test_search.py::test_bad_images_are_one_line_and_leave_no_folder",
    ],
    "one class, empty class folder": [
        "test_search.py::test_bad_images_are_one_line_and_leave_no_folder",
        "test_data_folder.py::test_an_empty_class_is_named",
    ],
    "bad genotypes": [
        "test_genotype.py::test_text_that_is_no_genotype",
        "test_genotype.py::test_names_the_field",
        "test_genotype.py::test_unreadable_files_are_named",
        "faults/test_inputs.py::test_a_genotype_is_data_and_never_evaluated",
    ],
    "nothing above Fair DARTS's threshold": [
        "test_derivation.py::"
        "test_when_nothing_passes_the_threshold_is_given_up_and_said",
        "test_derivation.py::test_edges_from_absent_nodes_are_inert",
    ],
    "a cell of skips alone": [
        "faults/test_inputs.py::test_a_cell_of_skips_alone_is_valid",
        "test_report.py::"
        "test_a_warning_appears_if_and_only_if_the_cell_collapsed",
    ],
    "names that lead out of the zoo, wrong hashes": [
        "test_zoo.py::test_what_cannot_be_loaded_is_one_line",
        "test_zoo_load.py::test_what_does_not_fit_is_refused_in_one_line",
        "faults/test_inputs.py::test_a_name_is_no_way_out_of_the_zoo",
        "faults/test_inputs.py::test_a_link_is_not_what_the_index_says",
    ],
    "no network": [
        "test_data.py::test_without_a_network_the_message_comes_at_once",
        "test_data.py::test_a_server_that_does_not_answer_is_given_up",
    ],
    "files that could run code": [
        "faults/test_inputs.py::test_a_keras_file_is_not_read_for_weights",
        "test_runs.py::test_a_pickle_is_never_opened",
        "test_convert_command.py::test_a_checkpoint_of_torch_runs_no_code",
    ],
    "export crash, formats that differ": [
        "faults/test_inputs.py::test_an_export_that_crashes_leaves_nothing",
        "test_export_command.py::test_unequal_forms_leave_nothing",
    ],
    "unknown method or flag": [
        "test_command.py::test_an_error_names_the_flag_and_the_remedy",
        "test_search.py::test_an_error_that_needs_no_data_answers_at_once",
    ],
    "no GPU, no dot, no tf2onnx, no Ray": [
        "faults/test_inputs.py::test_no_gpu_is_one_line",
        "test_drawing.py::test_svg_shows_everything",
        "test_export_command.py::test_a_missing_library_is_one_line",
        "test_sweep.py::test_ray_is_asked_for_in_one_line",
    ],
    "same seed twice": [
        "test_search.py::test_two_processes_with_one_seed_agree_bit_for_bit",
    ],
    "--help without TensorFlow": [
        "test_command.py::test_help_answers_at_once",
        "test_search.py::test_the_help_of_a_method_needs_no_tensorflow",
    ],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_a_test(fault):
    assert FAULTS[fault]
    for name in FAULTS[fault]:
        file, _, function = name.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        found = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
        assert not function or function in found, name
