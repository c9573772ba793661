#include "runs/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/generations.h"
#include "runs/checks.h"
#include "runs/energy_inputs.h"

namespace equibolt {
namespace {

namespace fs = std::filesystem;

/// How far a stage has come, by the files that it leaves.
enum class Progress { none, begun, finished };

bool there(const fs::path& path) {
  return fs::exists(fs::symlink_status(path));
}

fs::path parts_of(fs::path file) {
  return file += ".parts";
}

/// The steps of the newest checkpoint, by its name.
std::optional<std::size_t> steps_done(const fs::path& checkpoints) {
  const auto files = Generations{checkpoints, "step"}.files();
  if (files.empty()) return {};
  const std::string name = files.front().stem().string();
  const char* first = name.data() + name.find('-') + 1;
  std::size_t steps = 0;
  const auto [end, error] = std::from_chars(first, name.data() + name.size(), steps);
  if (error != std::errc()) return {};
  return steps;
}

class Planner {
 public:
  Planner(const RunConfig& config, const RunFolder& folder, const Permissions& permissions, Stage last)
      : config_(config), permissions_(permissions), last_(last) {
    plan_.folder = folder;
    require_kind(folder.path, FolderKind::run);
    if (auto record = read_record(folder)) {
      record_ = std::move(*record);
      fill_in_defaults();
    }
  }

  RunPlan plan() {
    plan_.record = record_;
    for (const Stage stage : kStages) {
      if (stage > last_) break;
      if (stage == Stage::simulation && !config_.data.train.empty()) continue;
      if (stage == Stage::finetuning && !config_.finetunes()) {
        plan_dropped_finetuning();
        continue;
      }
      plan_stage(stage);
    }
    if (stale_from_) plan_what_is_stale_beyond();
    plan_config();
    if (permissions_.redo && plan_.moved.empty()) {
      plan_.notes.push_back(
          fmt::format("--redo {}: nothing has changed since it was done, so nothing is done again",
                      name_of(*permissions_.redo)));
    }
    if (!plan_.refusal.empty() && !plan_.moved.empty()) {
      plan_.refusal += "\nThese would be moved to previous/:";
      for (const fs::path& path : plan_.moved) plan_.refusal += "\n  " + path.string();
    }
    return std::move(plan_);
  }

 private:
  const RunFolder& folder() const { return plan_.folder; }

  /// Keys that a record of an earlier version does not know had their defaults.
  void fill_in_defaults() {
    RunConfig plain;
    plain.system = system_kinds()[config_.system.kind.index()].second;
    for (auto& [stage, recipe] : record_.stages) {
      const Recipe defaults = recipe_without_files(stage, plain), now = recipe_without_files(stage, config_);
      for (const auto& [key, value] : defaults.keys) {
        if (now.keys.contains(key)) recipe.keys.emplace(key, value);
      }
      std::erase_if(recipe.keys, [&](const auto& entry) {
        return !now.keys.contains(entry.first) && entry.first != "system.kind";
      });
    }
  }

  bool recorded(Stage stage) const { return record_.stages.contains(stage); }

  Progress progress_of(Stage stage) const {
    const auto progress = [](bool finished, bool begun) {
      return finished ? Progress::finished : begun ? Progress::begun : Progress::none;
    };
    const RunFolder& f = folder();
    switch (stage) {
      case Stage::simulation:
        return progress(there(f.simulation()), there(f.simulation_states()) || there(f.train_data()));
      case Stage::training:
        return progress(there(f.flow_matched()) || (there(f.model()) && !recorded(Stage::finetuning)),
                        steps_done(f.checkpoints()).has_value());
      case Stage::finetuning:
        return progress(there(f.model()) && recorded(Stage::finetuning),
                        steps_done(f.finetune_checkpoints()).has_value());
      case Stage::evaluation:
        return progress(there(f.evaluation()), there(f.samples()) || there(parts_of(f.samples())) ||
                                                   there(f.test_densities()) ||
                                                   there(parts_of(f.test_densities())));
    }
    return Progress::none;
  }

  /// The files that a stage leaves. They are moved in the reverse order of the stages, so that a move that is
  /// cut short leaves no result without what it was made from.
  std::vector<fs::path> results_of(Stage stage) const {
    const RunFolder& f = folder();
    switch (stage) {
      case Stage::simulation:
        return {f.simulation(), f.train_data(), f.validation_data(), f.test_data(), f.simulation_states()};
      case Stage::training:
        return {f.model(), f.flow_matched(), f.checkpoints(), f.metrics()};
      case Stage::finetuning:
        return {f.model(), f.finetune_checkpoints(), f.finetune_metrics()};
      case Stage::evaluation:
        return {f.report(),
                f.figures(),
                f.evaluation(),
                f.samples(),
                parts_of(f.samples()),
                f.test_densities(),
                parts_of(f.test_densities())};
    }
    return {};
  }

  void move(const std::vector<fs::path>& paths) {
    std::vector<fs::path> moved;
    for (const fs::path& path : paths) {
      const fs::path inside = path.lexically_relative(folder().path);
      if (there(path) && std::ranges::count(plan_.moved, inside) == 0) moved.push_back(inside);
    }
    plan_.moved.insert(plan_.moved.begin(), moved.begin(), moved.end());
  }

  bool may(const std::optional<Stage>& permission, Stage stage) const {
    return permission && *permission <= stage;
  }

  void put(Stage stage, StageState state, std::string why = {}) {
    plan_.stages.push_back({stage, state, std::move(why)});
  }

  void refuse(const std::string& why) {
    if (plan_.refusal.empty()) plan_.refusal = why;
  }

  void plan_stage(Stage stage) {
    const Progress progress = progress_of(stage);
    Recipe now = recipe_of(stage, config_);
    const auto before = record_.stages.find(stage);
    const bool known = before != record_.stages.end();
    const auto changed = known ? differences(before->second, now) : std::vector<Difference>{};
    plan_.record.stages[stage] = std::move(now);
    if (progress == Progress::none) {
      put(stage, StageState::to_do);
      if (!stale_from_) make_stale_after(stage, fmt::format("{} is still to be done", name_of(stage)));
      return;
    }
    if (stale_from_) {
      move(results_of(stage));
      put(stage, StageState::again, stale_why_);
      if (needs_permission(stage)) {
        refuse(
            fmt::format("{}: {} is there, but {} before it.\nNothing was written. To keep it, give another "
                        "folder with -o or the same settings; to do it again, --redo {}.",
                        folder().path.string(), name_of(stage), stale_why_, name_of(stage)));
      }
      return;
    }
    if (changed.empty()) {
      put(stage, progress == Progress::finished ? StageState::done : StageState::resume);
      if (progress == Progress::finished) plan_left_over(stage);
      if (progress == Progress::begun)
        make_stale_after(stage, fmt::format("{} is still to be done", name_of(stage)));
      return;
    }
    plan_changed(stage, progress, changed);
  }

  /// What a stage keeps while it is under way stays behind where a call was killed, or could not remove it.
  void plan_left_over(Stage stage) {
    const RunFolder& f = folder();
    std::vector<fs::path> kept;
    if (stage == Stage::simulation) kept = {f.simulation_states()};
    if (stage == Stage::evaluation) kept = {parts_of(f.samples()), parts_of(f.test_densities())};
    for (const fs::path& path : kept) {
      if (there(path)) plan_.left_over.push_back(path.lexically_relative(f.path));
    }
  }

  void plan_changed(Stage stage, Progress progress, const std::vector<Difference>& changed) {
    const bool trains = stage == Stage::training || stage == Stage::finetuning;
    const bool only_steering = trains && std::ranges::all_of(changed, [](const Difference& d) {
                                 return may_change_under_way(d.key);
                               });
    const bool only_more_samples = stage == Stage::evaluation && more_samples(changed);
    const std::string what = text_of(changed);
    if (only_steering && progress == Progress::begun && !shortened(stage)) {
      plan_.notes.push_back(fmt::format("{} resumes with other settings:{}", name_of(stage), what));
      put(stage, StageState::resume, "with other settings");
      make_stale_after(stage, fmt::format("{} is still to be done", name_of(stage)));
      return;
    }
    if (only_more_samples && progress == Progress::begun) {
      put(stage, StageState::resume, "with more samples");
      return;
    }
    const bool extendable = (only_steering && lengthened(stage)) || only_more_samples;
    if (extendable && permissions_.extend == stage) {
      if (trains) {
        move({folder().model()});
        if (stage == Stage::training) move({folder().flow_matched()});
      } else {
        move({folder().report(), folder().figures(), folder().evaluation()});
      }
      put(stage, StageState::resume, "longer");
      make_stale_after(stage, fmt::format("{} goes on", name_of(stage)));
      return;
    }
    if (stage == Stage::evaluation && only_test_data(changed)) {
      move({folder().report(), folder().figures(), folder().evaluation(), folder().test_densities(),
            parts_of(folder().test_densities())});
    } else {
      move(results_of(stage));
    }
    put(stage, StageState::again, "its settings have changed");
    make_stale_after(stage, fmt::format("{} is done again", name_of(stage)));
    if (may(permissions_.redo, stage)) return;
    refuse(fmt::format("{}: {} is {} with other settings:{}{}\n"
                       "Nothing was written. To keep these results, give another folder with -o or the same "
                       "settings; ",
                       folder().path.string(), name_of(stage),
                       progress == Progress::finished ? "done" : "under way", what, done_more_steps(stage)) +
           (extendable
                ? fmt::format("to go on from them, --extend {0}; to begin again, --redo {0}.", name_of(stage))
                : fmt::format("to do them again, --redo {}.", name_of(stage))));
  }

  /// The network of flow matching is to be the model, and a fine-tuned one is there.
  void plan_dropped_finetuning() {
    plan_.record.stages.erase(Stage::finetuning);
    if (!recorded(Stage::finetuning)) return;
    if (!there(folder().finetune_checkpoints()) && !there(folder().finetune_metrics()) &&
        !there(folder().model()))
      return;
    move(results_of(Stage::finetuning));
    make_stale_after(Stage::finetuning, "there is no finetuning any more");
    if (needs_permission(Stage::finetuning)) {
      refuse(
          fmt::format("{}: its network is fine-tuned, and now finetune.steps and finetune.minutes are 0.\n"
                      "Nothing was written. To keep it, give another folder with -o or the same settings; "
                      "to evaluate the network of flow matching instead, --redo finetuning.",
                      folder().path.string()));
    }
  }

  bool needs_permission(Stage stage) const {
    return !may(permissions_.redo, stage) && !(permissions_.extend && *permissions_.extend < stage);
  }

  void make_stale_after(Stage stage, std::string why) {
    if (stale_from_) return;
    stale_from_ = stage;
    stale_why_ = std::move(why);
  }

  /// A call that wants the first stages alone does not make the later ones again: they are moved too, if what
  /// they were made from changes.
  void plan_what_is_stale_beyond() {
    if (!anything_again()) return;
    for (const Stage stage : kStages) {
      if (stage <= last_) continue;
      move(results_of(stage));
      plan_.record.stages.erase(stage);
    }
  }

  bool anything_again() const {
    return std::ranges::any_of(plan_.stages,
                               [](const PlannedStage& s) { return s.state == StageState::again; });
  }

  std::size_t wanted_steps(Stage stage) const {
    return stage == Stage::training ? config_.train.steps : config_.finetune.steps;
  }
  std::optional<std::size_t> done_steps(Stage stage) const {
    return steps_done(stage == Stage::training ? folder().checkpoints() : folder().finetune_checkpoints());
  }
  bool shortened(Stage stage) const {
    const auto done = done_steps(stage);
    return wanted_steps(stage) > 0 && done && *done > wanted_steps(stage);
  }
  bool lengthened(Stage stage) const {
    const auto done = done_steps(stage);
    if (!done) return false;
    if (wanted_steps(stage) > 0) return wanted_steps(stage) > *done;
    return true;  // a length in time, which only the training itself can compare
  }
  std::string done_more_steps(Stage stage) const {
    if ((stage != Stage::training && stage != Stage::finetuning) || !shortened(stage)) return {};
    return fmt::format("\n  {} steps are done, more than the {} that are asked for", *done_steps(stage),
                       wanted_steps(stage));
  }
  static bool more_samples(const std::vector<Difference>& changed) {
    return changed.size() == 1 && changed[0].key == "evaluate.samples" &&
           std::stoull(changed[0].now) > std::stoull(changed[0].before);
  }
  static bool only_test_data(const std::vector<Difference>& changed) {
    return std::ranges::all_of(changed, [](const Difference& d) {
      return d.key == "evaluate.test_samples" || d.key == "data.test";
    });
  }

  /// The config that goes into the folder. Where only the first stages are wanted and others have begun, the
  /// one that is there stays.
  void plan_config() {
    const fs::path path = folder().config();
    std::string text = config_text(config_, true);
    plan_.finetuning_added = config_.finetunes() && last_ == Stage::evaluation &&
                             progress_of(Stage::training) == Progress::finished &&
                             !there(folder().flow_matched()) &&
                             plan_.state(Stage::training) == StageState::done;
    if (plan_.finetuning_added) {
      std::erase(plan_.moved, folder().model().lexically_relative(folder().path));
      plan_.copied.push_back(folder().model().lexically_relative(folder().path));
    }
    if (!there(path)) {
      plan_.config = std::move(text);
      return;
    }
    const bool later_begun = last_ != Stage::evaluation && progress_of(Stage::training) != Progress::none;
    if (later_begun && !anything_again()) return;
    const std::string old = read_text_file(path);
    if (old == text) {
      plan_.record.config_hash = config_hash(text);
      return;
    }
    if (config_hash(old) != record_.config_hash) {
      plan_.notes.push_back(fmt::format("{} was edited by hand and is moved to previous/", path.string()));
      plan_.moved.push_back(path.lexically_relative(folder().path));
    }
    plan_.config = std::move(text);
  }

  const RunConfig& config_;
  const Permissions& permissions_;
  Stage last_;
  RunPlan plan_;
  RunRecord record_;
  std::optional<Stage> stale_from_;  ///< the first stage whose result will be another one
  std::string stale_why_;
};

void copy_if_there(const fs::path& from, const fs::path& to) {
  if (!there(from)) return;
  const Bytes content = read_file(from);
  write_file(to, content);
}

void move_results(const RunPlan& plan) {
  if (plan.moved.empty() && plan.copied.empty()) return;
  const fs::path previous = new_previous(plan.folder);
  // With them goes what they were made of, so that they can be read and sampled from there.
  copy_if_there(plan.folder.record(), previous / plan.folder.record().filename());
  copy_if_there(plan.folder.config(), previous / plan.folder.config().filename());
  for (const fs::path& path : plan.copied) copy_if_there(plan.folder.path / path, previous / path);
  for (const fs::path& path : plan.moved) {
    create_folder((previous / path).parent_path());
    move_file(plan.folder.path / path, previous / path);
  }
}

}  // namespace

StageState RunPlan::state(Stage stage) const {
  for (const PlannedStage& planned : stages) {
    if (planned.stage == stage) return planned.state;
  }
  return StageState::done;  // not part of this run
}

bool RunPlan::anything_to_do() const {
  return std::ranges::any_of(stages, [](const PlannedStage& s) { return s.state != StageState::done; });
}

RunPlan plan_run(const RunConfig& config, const RunFolder& folder, const Permissions& permissions,
                 Stage last) {
  RunPlan plan = Planner(config, folder, permissions, last).plan();
  if (plan.refusal.empty()) check_run(config, plan);
  return plan;
}

std::string text_of(const RunPlan& plan) {
  std::string text;
  for (const PlannedStage& s : plan.stages) {
    constexpr std::array names{"done", "resume", "to do", "do again"};
    text += fmt::format("{:<12} {:<9} {}\n", name_of(s.stage), names.at(static_cast<std::size_t>(s.state)),
                        s.why);
  }
  for (const std::string& warning : plan.warnings) text += "warning: " + warning + "\n";
  for (const std::string& note : plan.notes) text += "note: " + note + "\n";
  for (const fs::path& path : plan.moved) text += fmt::format("moved to previous/: {}\n", path.string());
  for (const fs::path& path : plan.copied) text += fmt::format("copied to previous/: {}\n", path.string());
  text += left_over_text(plan);
  if (!plan.refusal.empty()) text += "refused: " + plan.refusal + "\n";
  return text;
}

std::string left_over_text(const RunPlan& plan) {
  std::string text;
  for (const fs::path& path : plan.left_over)
    text += fmt::format("removed, no longer needed: {}\n", path.string());
  return text;
}

void require_accepted(const RunPlan& plan) {
  if (!plan.refusal.empty()) throw UsageError("{}", plan.refusal);
}

void remove_left_over(const RunPlan& plan) {
  for (const fs::path& path : plan.left_over) remove_left_over(plan.folder.path / path);
}

void begin(const RunPlan& plan) {
  require_accepted(plan);
  move_results(plan);
  remove_left_over(plan);
  if (plan.finetuning_added) move_file(plan.folder.model(), plan.folder.flow_matched());
  RunRecord record = plan.record;
  if (!plan.config.empty()) {
    record.config_hash = config_hash(plan.config);
    write_file(plan.folder.config(), plan.config);
  }
  write_record(plan.folder, record);
  keep_energy_files(plan.folder, record);
}

}  // namespace equibolt
