using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>An operation's loops, the kernel's parameters in the order of its contract, and the worker's memory that it needs.</summary>
public sealed record Scheduled(Kernel Kernel, EquatableArray<KernelParameter> Parameters, int ScratchBytes);
