using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Kernels.Schedules;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>
/// A choice on a device: a group takes a token and searches for the best score as often as there are to be chosen, all
/// threads each time; what is chosen falls to less than any score. Groups of experts are ranked by one thread each first.
/// </summary>
internal static class DeviceChooseSchedule
{
    private const int MostThreads = 128;

    public static DeviceScheduled Make(ChooseOperation operation)
    {
        int members = operation.Width / operation.Groups;
        int threads = System.Math.Max(32, System.Math.Min(MostThreads, PowerOfTwo(operation.Width)));
        bool isGrouped = operation.Keep < operation.Groups;
        var parameters = new ParameterNames();
        Name scores = parameters.Add(Kind.Floats, "scores"), chosen = parameters.Add(Kind.Integers, "chosen");
        Name width = new(Kind.Integer, "Width"), count = new(Kind.Integer, "Count"), groups = new(Kind.Integer, "Groups");
        Name size = new(Kind.Integer, "Members"), keep = new(Kind.Integer, "Keep"), step = new(Kind.Integer, "Threads");
        Expression lowest = new Real(double.NegativeInfinity);

        var body = new Body();
        Name left = body.InGroup("left", operation.Width), isLeft = body.InGroup("isLeft", operation.Width, Kind.Integers);
        Name best = body.InGroup("best", threads), place = body.InGroup("place", threads, Kind.Integers);
        Name row = body.Let("row", Long(GroupX) * operation.Scores.RowStride + operation.Scores.Offset);
        body.For("expert", Thread, width, step, (inner, expert) =>
        {
            inner.Set(left[expert], scores[row + expert]);
            inner.Set(isLeft[expert], 1);
        });
        body.Barrier();
        if (isGrouped)
        {
            Name worth = body.InGroup("worth", operation.Groups);
            body.For("group", Thread, groups, step, (inner, group) =>
            {
                Name first = inner.Let("first", lowest), second = inner.Let("second", lowest);
                inner.For("expert", group * size, group * size + size, (each, expert) =>
                {
                    each.Set(second, Max(second, Min(first, left[expert])));
                    each.Set(first, Max(first, left[expert]));
                });
                inner.Set(worth[group], operation.GroupScore == GroupScore.Top2Sum && members > 1 ? first + second : first);
            });
            body.Barrier();
            body.Remark("A group is kept if fewer than Keep groups are better; among equals the earlier one is.");
            body.For("expert", Thread, width, step, (inner, expert) =>
            {
                Name own = inner.Let("own", expert / size), better = inner.Let("better", 0);
                inner.For("group", 0, groups, (each, group) => each.If(
                    worth[group] > worth[own] | worth[group].Is(worth[own]) & group < own,
                    then => then.Set(better, better + 1)));
                inner.If(better >= keep, drop => drop.Set(isLeft[expert], 0));
            });
            body.Barrier();
        }

        body.For("i", 0, count, (inner, i) =>
        {
            Name mine = inner.Let("mine", lowest), at = inner.Let("at", width);
            inner.For("expert", Thread, width, step, (each, expert) => each.If(
                isLeft[expert] > 0 & (left[expert] > mine | left[expert].Is(mine) & expert < at),
                then =>
                {
                    then.Set(mine, left[expert]);
                    then.Set(at, expert);
                }));
            inner.Set(best[Thread], mine);
            inner.Set(place[Thread], at);
            for (int half = threads / 2; half > 0; half /= 2)
            {
                inner.Barrier();
                Expression other = best[Thread + half], there = place[Thread + half];
                inner.If(Thread < half, first => first.If(
                    other > best[Thread] | other.Is(best[Thread]) & there < place[Thread],
                    then =>
                    {
                        then.Set(best[Thread], other);
                        then.Set(place[Thread], there);
                    }));
            }

            inner.Barrier();
            inner.If(Thread.Is(0), first =>
            {
                first.Remark("Where no score is a number, something in range.");
                Name winner = first.Let("winner", Min(place[0], width - 1));
                first.Set(chosen[GroupX * count + i], winner);
                first.Set(isLeft[winner], 0);
            });
            inner.Barrier();
        });

        string among = isGrouped ? $", members of the best {operation.Keep} of {operation.Groups} groups" : "";
        var kernel = new Kernel(
            $"{operation.Equation}\nThe best {operation.Count} of {operation.Width}{among}; a group of {threads} threads takes a token.",
            Sizes(("Width", operation.Width), ("Count", operation.Count), ("Groups", operation.Groups), ("Members", members), ("Keep", operation.Keep), ("Threads", threads)),
            new Procedure(operation.Name, "", parameters.Names, body.Statements, IsWidening: false), default, null);
        return new(new[] { new DeviceKernel(kernel, null, threads, Tokens, 1, 1) }.ToEquatable(), parameters.Parameters);
    }
}
