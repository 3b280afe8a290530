using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Differentiation;

/// <summary>
/// Appends the losses of a training objective to a graph, written in the operators that are there already, so that their
/// gradients come out of the same rules. Each is one number for the step's sequence.
/// </summary>
public static class Losses
{
    /// <summary>
    /// The mean over the tokens of −log p of each token's target, which is logsumexp of the token's scores less the target's own: an output of that name without axes. The targets are an
    /// input of indices [t] into the last axis of <paramref name="logits"/>.
    /// </summary>
    /// <param name="logits">The name of an output [t,v].</param>
    /// <exception cref="ArgumentException">There is no such output, or it has other axes.</exception>
    public static TensorGraph CrossEntropy(TensorGraph graph, string logits, string target, string loss)
    {
        int scores = graph.Outputs.FirstOrDefault(output => output.Name == logits)?.Node
            ?? throw new ArgumentException($"The graph has no output {logits}.");
        if (graph.Nodes[scores].Axes is not { Count: 2 } axes || axes[0].Extent != Extent.Tokens)
            throw new ArgumentException($"{logits} must be [tokens, entries] for a cross-entropy, and is [{string.Join(",", graph.Nodes[scores].Axes)}].");

        List<Node> nodes = [.. graph.Nodes];
        int Add(Node node)
        {
            nodes.Add(node);
            return nodes.Count - 1;
        }

        EquatableArray<Axis> tokens = new[] { axes[0] }.ToEquatable();
        int wanted = Add(new Input(target, tokens, IsIndex: true));
        int all = Add(new LogSumExp($"{loss}.all", tokens, scores, axes[1]));
        int own = Add(new Take($"{loss}.target", tokens, scores, wanted, axes[1]));
        var surprise = new Binary(BinaryOperator.Subtract, new Argument(0), new Argument(1));
        int each = Add(new Map($"{loss}.token", tokens, surprise, new[] { all, own }.ToEquatable()));
        int mean = Add(new Reduce(loss, default, Reduction.Mean, each, axes[0]));
        return graph with { Nodes = nodes.ToEquatable(), Outputs = graph.Outputs.Append(new Output(loss, mean)).ToEquatable() };
    }

    /// <summary>
    /// The balance loss of a sequence (DeepSeek-V3 equations 17 to 20), without its factor: Σ[e] f[e] · P[e], where f[e] is
    /// E/K times the mean over the tokens of how often e was chosen, and P[e] the mean of e's part in the token's scores. The
    /// choice counts as it fell, with bias and groups, and has no gradient. An output of that name without axes.
    /// </summary>
    /// <param name="scores">The node [t,e] whose balance is wanted; above zero.</param>
    /// <param name="chosen">The node [t,k] of the choice made among <c>e</c>.</param>
    public static TensorGraph SequenceBalance(TensorGraph graph, int scores, int chosen, string loss)
    {
        if (graph.Nodes[chosen] is not Choose { Axes.Count: 2 } choose)
            throw new ArgumentException($"'{graph.Nodes[chosen].Name}' is not a choice [tokens, chosen], as a sequence's balance needs.");
        Node score = graph.Nodes[scores];
        Axis token = choose.Axes[0], among = choose.Among;
        if (token.Extent != Extent.Tokens || !score.Axes.SequenceEqual([token, among]))
            throw new ArgumentException($"'{score.Name}' must be [{token},{among}], as '{choose.Name}' chooses, and is [{string.Join(",", score.Axes)}].");

        List<Node> nodes = [.. graph.Nodes];
        int Add(Node node)
        {
            nodes.Add(node);
            return nodes.Count - 1;
        }

        EquatableArray<Axis> each = new[] { token, among }.ToEquatable(), experts = new[] { among }.ToEquatable();
        int hot = Add(new OneHot($"{loss}.onehot", choose.Axes.Append(among).ToEquatable(), chosen, among));
        int count = Add(new Contract($"{loss}.count", each, new[] { hot }.ToEquatable()));
        int share = Add(new Reduce($"{loss}.share", experts, Reduction.Mean, count, token));
        int total = Add(new Reduce($"{loss}.total", new[] { token }.ToEquatable(), Reduction.Sum, scores, among));
        int part = Add(new Map($"{loss}.part", each, ScalarDerivative.Divide(new Argument(0), new Argument(1)), new[] { scores, total }.ToEquatable()));
        int mean = Add(new Reduce($"{loss}.p", experts, Reduction.Mean, part, token));
        double factor = (double)among.Size / choose.Axes[1].Size;
        var term = new Binary(BinaryOperator.Multiply, new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(1)), new Constant(factor));
        int product = Add(new Map($"{loss}.expert", experts, term, new[] { share, mean }.ToEquatable()));
        int sum = Add(new Reduce(loss, default, Reduction.Sum, product, among));
        return graph with { Nodes = nodes.ToEquatable(), Outputs = graph.Outputs.Append(new Output(loss, sum)).ToEquatable() };
    }
}
