using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Kernels.Schedules;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>
/// The order of pairs by expert on a device: one group, a thread an expert; each counts its pairs and then lays them down
/// in their order, so that the order is the same on every device and every run.
/// </summary>
internal static class DeviceGroupSchedule
{
    private const int MostThreads = 256;

    public static DeviceScheduled Make(GroupOperation operation)
    {
        int threads = System.Math.Max(32, System.Math.Min(MostThreads, PowerOfTwo(operation.Experts)));
        var parameters = new ParameterNames();
        Name chosen = parameters.Add(Kind.Integers, "chosen"), groups = parameters.Add(Kind.Groups, "groups");
        Name experts = new(Kind.Integer, "Experts"), perToken = new(Kind.Integer, "Chosen"), step = new(Kind.Integer, "Threads");
        Expression offsets = groups.Field("Offsets", Kind.Integers);
        var body = new Body();
        Name ends = body.InGroup("ends", operation.Experts, Kind.Integers);
        Name pairs = body.Let("pairs", Tokens * perToken);
        body.For("expert", Thread, experts, step, (inner, expert) =>
        {
            Name found = inner.Let("found", 0);
            inner.For("pair", 0, pairs, (each, pair) => each.If(chosen[pair].Is(expert), then => then.Set(found, found + 1)));
            inner.Set(ends[expert], found);
        });
        body.Barrier();
        body.If(Thread.Is(0), first =>
        {
            Name at = first.Let("at", 0);
            first.For("expert", 0, experts, (inner, expert) =>
            {
                inner.Set(at, at + ends[expert]);
                inner.Set(ends[expert], at);
            });
        });
        body.Barrier();
        body.If(Thread.Is(0), first => first.Set(offsets[0], 0));
        body.For("expert", Thread, experts, step, (inner, expert) =>
        {
            inner.Set(offsets[expert + 1], ends[expert]);
            Name row = inner.Let("row", new Conditional(expert.Is(0), 0, ends[Max(expert, 1) - 1]));
            inner.For("pair", 0, pairs, (each, pair) => each.If(chosen[pair].Is(expert), then =>
            {
                then.Set(groups.Field("Pairs", Kind.Integers)[row], pair);
                then.Set(groups.Field("Rank", Kind.Integers)[pair], row);
                then.Set(row, row + 1);
            }));
        });

        var kernel = new Kernel(
            $"{operation.Equation}\nPairs of token and expert in the order of the experts; one group of {threads} threads, each with its experts.",
            Sizes(("Experts", operation.Experts), ("Chosen", operation.Chosen), ("Threads", threads)),
            new Procedure(operation.Name, "", parameters.Names, body.Statements, IsWidening: false), default, null);
        return new(new[] { new DeviceKernel(kernel, null, threads, 1, 1, 1) }.ToEquatable(), parameters.Parameters);
    }
}
