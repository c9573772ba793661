#include "core/saver.h"

#include <utility>

namespace equibolt {

Saver::Saver(std::function<bool()> stop, double seconds, std::function<void()> save,
             std::function<bool()> requested)
    : stop_(std::move(stop)), seconds_(seconds), save_(std::move(save)), requested_(std::move(requested)) {}

bool Saver::save_if_due(bool anyway) {
  const bool stopping = stop_ && stop_();
  const bool asked = requested_();  // always, so that a request is not answered twice
  if (anyway || stopping || asked || since_.seconds() > seconds_) {
    save_();
    since_ = Stopwatch();
  }
  return stopping;
}

}  // namespace equibolt
