// SPDX-License-Identifier: Apache-2.0
#include "harness/program/path_program.h"

#include "guest-payloads/protocol/layout.h"
#include "harness/program/builder.h"
#include "harness/program/configuration.h"
#include "harness/program/failure.h"

namespace hypervet::program {
namespace {

using protocol::Op;
using protocol::PathLoop;
using protocol::PathProof;

Op measure_op(const spec::Operation& operation, const PathSizes& sizes,
              protocol::MeasureVariant variant) {
  Op op = make_op(protocol::OpCode::kMeasure, {{static_cast<std::uint64_t>(operation.loop->loop)},
                                               {sizes.samples},
                                               {sizes.warmup | sizes.batch << 32},
                                               {operation.arguments[0]},
                                               {operation.arguments[1]},
                                               {operation.arguments[2]}});
  op.variant = static_cast<std::uint16_t>(variant);
  if (operation.user) op.flags = protocol::kUser;
  return op;
}

}  // namespace

std::expected<PathPlan, spec::Diagnostic> plan_path(const spec::Specs& specs,
                                                    const spec::Interface& an_interface,
                                                    const spec::Path& path,
                                                    const spec::Measure& measure,
                                                    const spec::Binding& binding) {
  auto operation = spec::operation(an_interface, path, measure, binding);
  if (!operation) return std::unexpected(operation.error());
  spec::Case conditions = path.conditions;
  conditions.machine.cpus = operation->cpus;
  try {
    PathPlan plan{*operation, configuration_of(specs, conditions, binding), {}};
    if (operation->loop->proof == PathProof::kDoorbell) {
      plan.host_verbs.insert(protocol::HostVerb::kCountRings);
    }
    if (operation->loop->loop == PathLoop::kHostInterrupt) {
      plan.host_verbs.insert(protocol::HostVerb::kRaiseMsi);
    }
    return plan;
  } catch (const Failure& failure) {
    return std::unexpected(failure.diagnostic);
  }
}

std::vector<std::byte> path_program(const spec::Operation& operation, const PathSizes& sizes) {
  Builder builder;
  if (operation.loop->proof != PathProof::kHostClock) {
    builder.add(measure_op(operation, sizes, protocol::MeasureVariant::kEmpty));
    builder.add(measure_op(operation, sizes, protocol::MeasureVariant::kLoop));
  }
  if (operation.loop->proof == PathProof::kDoorbell) {
    builder.add(make_op(protocol::OpCode::kHost,
                        {{static_cast<std::uint64_t>(protocol::HostVerb::kCountRings)}}));
  }
  return builder.finish(operation.cpus, 0, protocol::kArenaSize);
}

}  // namespace hypervet::program
