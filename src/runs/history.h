#pragma once

#include <string>
#include <vector>

#include "runs/run_folder.h"

namespace equibolt {

/// One call of the program that worked on a run.
struct HistoryEntry {
  std::string begun;  ///< UTC, "2026-11-24 17:30:27"
  std::string version;
  std::string commit;
  std::string processor;
  std::string instruction_set;
  std::size_t threads = 0;
};

/// Notes in the run's history.jsonl that this program begins to work on it now, on this machine.
void note_call(const RunFolder& folder, std::size_t threads);

/// The calls so far, oldest first; lines that cannot be read are left out.
std::vector<HistoryEntry> read_history(const RunFolder& folder);

}  // namespace equibolt
