#include "runs/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {

RunFolder run_folder_for(const std::string& preset_or_file, const std::string& output) {
  if (!output.empty()) return {output};
  return {std::filesystem::path("runs") / std::filesystem::path(preset_or_file).stem()};
}

RunLock::RunLock(const RunFolder& folder)
    : file_(open(folder.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (file_ < 0) throw IoError("{}: cannot be opened: {}", folder.lock().string(), std::strerror(errno));
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    close(file_);
    if (reason == EWOULDBLOCK) {
      throw UsageError("{}: another process is working on this run", folder.path.string());
    }
    throw IoError("{}: cannot be locked: {}", folder.lock().string(), std::strerror(reason));
  }
}

RunLock::~RunLock() {
  close(file_);
}

void create_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw IoError("{}: cannot create the folder: {}", path.string(), error.message());
}

void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& json) {
  write_file(path, json.dump(1) + "\n");
}

nlohmann::ordered_json read_json(const std::filesystem::path& path) {
  const std::string text = read_text_file(path);
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::ordered_json::parse_error& error) {
    throw DataError("{}: not JSON: {}", path.string(), error.what());
  }
}

}  // namespace equibolt
