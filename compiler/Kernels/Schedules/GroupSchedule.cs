using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>A counting sort of the pairs by their expert: stable, and linear in pairs and experts.</summary>
internal static class GroupSchedule
{
    public static Scheduled Make(GroupOperation operation)
    {
        var parameters = new ParameterNames();
        Name chosen = parameters.Add(Kind.Integers, "chosen"), groups = parameters.Add(Kind.Groups, "groups");
        Name experts = new(Kind.Integer, "Experts"), perToken = new(Kind.Integer, "Chosen");
        var body = new Body();
        body.If(Worker.Field("Index", Kind.Integer) > 0, inner => inner.Leave());
        Name offsets = body.Let("offsets", groups.Field("Offsets", Kind.Integers));
        Name pairs = body.Let("pairs", Tokens * perToken);
        body.For("expert", 0, experts + 1, (inner, expert) => inner.Set(offsets[expert], 0));
        body.For("pair", 0, pairs, (inner, pair) => inner.Set(offsets[chosen[pair] + 1], offsets[chosen[pair] + 1] + 1));
        body.For("expert", 0, experts, (inner, expert) => inner.Set(offsets[expert + 1], offsets[expert + 1] + offsets[expert]));
        body.Remark("Each expert's offset moves to the end of its segment while that fills, and is then put back.");
        body.For("pair", 0, pairs, (inner, pair) =>
        {
            Name row = inner.Let("row", offsets[chosen[pair]]);
            inner.Set(offsets[chosen[pair]], row + 1);
            inner.Set(groups.Field("Pairs", Kind.Integers)[row], pair);
            inner.Set(groups.Field("Rank", Kind.Integers)[pair], row);
        });
        body.ForDown("expert", experts, (inner, expert) => inner.Set(offsets[expert], offsets[expert - 1]));
        body.Set(offsets[0], 0);
        body.Set(groups.Field("Experts", Kind.Integer), experts);
        body.Set(groups.Field("Chosen", Kind.Integer), perToken);

        var entry = new Procedure(operation.Name, "", parameters.Names, body.Statements, IsWidening: false);
        var kernel = new Kernel(
            $"{operation.Equation}\nPairs of token and expert in the order of the experts; the first worker does it.",
            new[] { new Size("Experts", operation.Experts), new Size("Chosen", operation.Chosen) }.ToEquatable(), entry, default, null);
        return new(kernel, parameters.Parameters, 0);
    }
}
