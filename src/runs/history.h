#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "runs/plan.h"
#include "runs/run_folder.h"

namespace equibolt {

/// One call of the program that worked on a run.
struct HistoryEntry {
  std::string begun;  ///< UTC, "2026-11-24 17:30:27"
  std::string version;
  std::string commit;
  std::string processor;
  std::string instruction_set;
  std::string gpu;  ///< that the network was computed on; empty: the processor
  std::size_t threads = 0;
};

/// The GPU on which this machine computes the network of such a config; empty where it uses the processor.
std::string gpu_of(const RunConfig& config);

/// Appends to the run's history.jsonl that this program begins to work on it now, on this machine; `gpu` is
/// the one that computes the network, empty for none.
void note_call(const RunFolder& folder, std::size_t threads, const std::string& gpu = {});

/// The calls so far, oldest first; lines that cannot be read are left out.
std::vector<HistoryEntry> read_history(const RunFolder& folder);

/// Appends to the history how long a call works on each stage.
class StageClock {
 public:
  /// Of a call that carries out this plan.
  explicit StageClock(const RunPlan& plan) : plan_(plan) {}

  /// Calls `work`, and notes its time also where it throws Stopped.
  void time(Stage stage, const std::function<void()>& work) const;

 private:
  RunPlan plan_;
};

/// How long calls have worked on each stage, s, since it, or one before it, was last begun anew; the time of
/// a call that was killed is not known. Stages without a time are not there.
std::map<Stage, double> stage_seconds(const RunFolder& folder);

}  // namespace equibolt
