#include "molecules/output_plan.h"

#include <fmt/format.h>

#include "equibolt/error.h"

namespace equibolt {

std::string text_of(const OutputPlan& plan) {
  const std::string name = plan.output.string();
  const std::string moved = plan.moved.empty() ? ""
                                               : fmt::format("\nmoved to previous/: {}, which is another one",
                                                             plan.moved.filename().string());
  if (plan.nothing_to_do) return fmt::format("{}: done, {} {}", name, plan.done, plan.unit);
  if (!plan.begun) return fmt::format("{}: new, {} {} to do{}", name, plan.wanted, plan.unit, moved);
  if (plan.done < plan.wanted)
    return fmt::format("{}: resumes from {} of {} {}{}", name, plan.done, plan.wanted, plan.unit, moved);
  return fmt::format("{}: {} {} are done, their analysis is to do{}", name, plan.done, plan.unit, moved);
}

void require_place_for(const std::filesystem::path& file) {
  const auto folder = std::filesystem::absolute(file).parent_path();
  if (!std::filesystem::is_directory(folder)) throw IoError("{}: there is no such folder", folder.string());
  const auto status = std::filesystem::status(file);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw IoError("{}: cannot write: not a regular file", file.string());
}

}  // namespace equibolt
