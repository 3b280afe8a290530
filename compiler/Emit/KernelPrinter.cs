using System;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Kernels.Schedules;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>Operation → schedule → loops → C#.</summary>
public static class KernelPrinter
{
    /// <param name="method">The name of the printed method; those of its private parts begin with it.</param>
    public static KernelSource Print(Operation operation, string method)
    {
        Scheduled scheduled = Schedule(operation with { Name = method });
        return new KernelSource(method, scheduled.Parameters, CSharpKernelPrinter.Print(scheduled.Kernel), scheduled.ScratchBytes);
    }

    /// <summary>The loops that carry an operation out.</summary>
    public static Scheduled Schedule(Operation operation) => operation switch
    {
        RowOperation rows => new RowSchedule(rows).Make(),
        ContractionOperation contraction => new ContractionSchedule(contraction).Make(),
        AttentionOperation attention => new AttentionSchedule(attention).Make(),
        ChooseOperation choose => ChooseSchedule.Make(choose),
        GroupOperation group => GroupSchedule.Make(group),
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };
}
