using System;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Kernels.Schedules;

internal sealed class AttentionSchedule(AttentionOperation operation)
{
    public Scheduled Make() => throw new NotSupportedException(operation.Name);
}
