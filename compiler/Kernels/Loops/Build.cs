namespace Sinter.Compiler.Kernels.Loops;

/// <summary>Short forms for expressions that schedules use often.</summary>
public static class Build
{
    public static readonly Name Step = new(Kind.Step, "step");
    public static readonly Name Worker = new(Kind.Worker, "worker");
    public static readonly Expression Lanes = Make(Kind.Integer, Function.LaneCount);
    public static readonly Expression Tokens = Step.Field("Tokens", Kind.Integer);
    public static readonly Expression Zero = new Real(0);

    public static Expression Make(Kind kind, Function function, params Expression[] arguments) =>
        new Call(kind, function, arguments.ToEquatable());

    public static Expression Min(Expression a, Expression b) => Make(a.Kind, Function.Min, a, b);

    public static Expression Max(Expression a, Expression b) => Make(a.Kind, Function.Max, a, b);

    public static Expression All(Expression number) => Make(Kind.Lanes, Function.All, number);

    public static Expression Not(Expression condition) => Make(Kind.Boolean, Function.Not, condition);

    public static Expression Long(Expression number) => Make(Kind.Long, Function.Long, number);

    public static Expression Load(Expression place, Expression count) => Make(Kind.Lanes, Function.LoadLanes, place, count);

    public static Expression First(Expression lanes, Expression count, Expression rest) => Make(Kind.Lanes, Function.FirstLanes, lanes, count, rest);

    public static Expression Sum(Expression lanes) => Make(Kind.Float, Function.Sum, lanes);

    public static Expression Largest(Expression lanes) => Make(Kind.Float, Function.Largest, lanes);

    /// <summary>The number of blocks of <paramref name="size"/> that cover <paramref name="count"/>.</summary>
    public static Expression Blocks(Expression count, Expression size) => (count + size - 1) / size;

    public static Expression LanesLeft(Expression width, Expression at) => Make(Kind.Integer, Function.LanesLeft, width, at);
}
