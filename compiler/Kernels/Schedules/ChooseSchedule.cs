using System;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>
/// Insertion into a short sorted list, in one pass over the scores: a later score goes before an equal earlier one
/// never, so the lower index comes first. Groups are ranked the same way first.
/// </summary>
internal static class ChooseSchedule
{
    public static Scheduled Make(ChooseOperation operation)
    {
        int members = operation.Width / operation.Groups;
        if (operation.Count > operation.Keep * members)
            throw new ArgumentException($"{operation.Name} chooses {operation.Count} of {operation.Keep * members} candidates.");

        var parameters = new ParameterNames();
        Name scores = parameters.Add(Kind.Floats, "scores"), chosen = parameters.Add(Kind.Integers, "chosen");
        Name width = new(Kind.Integer, "Width"), count = new(Kind.Integer, "Count"), keep = new(Kind.Integer, "Keep");
        Name groups = new(Kind.Integer, "Groups"), size = new(Kind.Integer, "Members");
        bool isGrouped = operation.Keep < operation.Groups;
        var body = new Body();
        Name best = body.Reserve("best", operation.Count);
        Name? kept = null, keptScores = null, isKept = null;
        if (isGrouped)
        {
            kept = body.Reserve("kept", operation.Keep, Kind.Integers);
            keptScores = body.Reserve("keptScores", operation.Keep);
            isKept = body.Reserve("isKept", operation.Groups, Kind.Integers);
        }

        body.Share(Tokens, out Name from, out Name to);
        body.For("token", from, to, (inToken, token) =>
        {
            Name row = inToken.Let("row", scores + Long(token) * operation.Scores.RowStride + operation.Scores.Offset, Kind.Floats);
            Name choice = inToken.Let("choice", chosen + token * count, Kind.Integers);
            if (isGrouped)
            {
                inToken.For("group", 0, groups, (inner, group) =>
                {
                    inner.Set(isKept![group], 0);
                    Name first = inner.Let("first", new Real(double.NegativeInfinity));
                    Name second = inner.Let("second", new Real(double.NegativeInfinity));
                    inner.For("expert", group * size, group * size + size, (each, expert) =>
                    {
                        each.Set(second, Max(second, Min(first, row[expert])));
                        each.Set(first, Max(first, row[expert]));
                    });
                    Expression worth = operation.GroupScore == GroupScore.Top2Sum && members > 1 ? first + second : first;
                    Insert(inner, inner.Let("worth", worth), group, Min(group, keep), keep, keptScores!, kept!);
                });
                inToken.For("i", 0, keep, (inner, i) => inner.Set(isKept![kept![i]], 1));
            }

            Name? found = isGrouped ? inToken.Let("found", 0) : null;
            inToken.For("expert", 0, width, (inner, expert) =>
            {
                if (isGrouped) inner.If(isKept![expert / size].Is(0), skip => skip.Next());
                Insert(inner, row[expert], expert, Min((Expression?)found ?? expert, count), count, best, choice);
                if (isGrouped) inner.Set(found!, found! + 1);
            });
        });

        var entry = new Procedure(operation.Name, "", parameters.Names, body.Statements, IsWidening: false);
        string among = isGrouped ? $", members of the best {operation.Keep} of {operation.Groups} groups" : "";
        var kernel = new Kernel(
            $"{operation.Equation}\nThe best {operation.Count} of {operation.Width}{among}; workers share the tokens.",
            new[]
            {
                new Size("Width", operation.Width),
                new Size("Count", operation.Count),
                new Size("Groups", operation.Groups),
                new Size("Members", members),
                new Size("Keep", operation.Keep),
            }.ToEquatable(),
            entry,
            default,
            null);
        return new(kernel, parameters.Parameters, body.ReservedBytes);
    }

    /// <summary>Keeps the best of the scores seen so far, of which <paramref name="held"/> are in the list.</summary>
    private static void Insert(Body body, Expression score, Expression index, Expression held, Expression capacity, Name scores, Name indices)
    {
        Name place = body.Let("place", held);
        body.If(place.Is(capacity) & (new Arithmetic(Operator.LessOrEqual, score, scores[capacity - 1])), full => full.Next());
        body.If(place.Is(capacity), full => full.Set(place, place - 1));
        body.While(place > 0 & score > scores[place - 1], shift =>
        {
            shift.Set(scores[place], scores[place - 1]);
            shift.Set(indices[place], indices[place - 1]);
            shift.Set(place, place - 1);
        });
        body.Set(scores[place], score);
        body.Set(indices[place], index);
    }
}
