using System;
using System.Collections.Generic;
using Sprache;

namespace Sinter.Compiler.Syntax;

/// <summary>What Sprache lacks: spans that end with the last token, chains without recursion, and carrying on after an error.</summary>
internal static class Combinators
{
    /// <summary>Gives a value the span from its first token to its last.</summary>
    public static Parser<TResult> Spanned<T, TResult>(this Parser<T> parser, Func<T, SourceSpan, TResult> make) => input =>
    {
        IResult<T> result = parser(input);
        if (!result.WasSuccessful) return Result.Failure<TResult>(result.Remainder, result.Message, result.Expectations);
        SourceSpan span = ((SourceInput)input).SpanTo(((SourceInput)result.Remainder).LastEnd);
        return Result.Success(make(result.Value, span), result.Remainder);
    };

    /// <summary>Names what may begin here, for messages.</summary>
    public static Parser<T> Called<T>(this Parser<T> parser, string label) => input =>
    {
        ParseState state = ((SourceInput)input).State;
        (string Label, int Position) outer = state.Label;
        if (outer.Position != input.Position) state.Label = (label, input.Position);
        IResult<T> result = parser(input);
        state.Label = outer;
        return result;
    };

    /// <summary>Operands with operators between them, in a list; Sprache's own chain calls itself for each operator.</summary>
    public static Parser<List<(TOperator Operator, T Operand)>> Chain<T, TOperator>(this Parser<T> operand, Parser<TOperator> separator) => input =>
    {
        var items = new List<(TOperator, T)>();
        IResult<T> first = operand(input);
        if (!first.WasSuccessful) return Result.Failure<List<(TOperator, T)>>(first.Remainder, first.Message, first.Expectations);
        items.Add((default!, first.Value));
        input = first.Remainder;
        while (true)
        {
            IResult<TOperator> between = separator(input);
            if (!between.WasSuccessful) return Result.Success(items, input);
            IResult<T> next = operand(between.Remainder);
            if (!next.WasSuccessful) return Result.Failure<List<(TOperator, T)>>(next.Remainder, next.Message, next.Expectations);
            items.Add((between.Value, next.Value));
            input = next.Remainder;
            if (items.Count >= ParseState.LongestChain) return TooLong<List<(TOperator, T)>>((SourceInput)input);
        }
    };

    private static IResult<T> TooLong<T>(SourceInput at)
    {
        if (!at.State.IsCancelled)
        {
            at.State.Diagnostics.Add(Diagnostics.NestedTooDeeply, at.SpanTo(at.Position + Tokens.WordLength(at)),
                $"more than {ParseState.LongestChain} stand in a row here; give parts names of their own");
        }

        at.State.IsCancelled = true;
        return Result.Failure<T>(at, "too long", []);
    }

    public static Parser<EquatableArray<T>> ListOf<T, TSeparator>(this Parser<T> item, Parser<TSeparator> separator)
        where T : IEquatable<T> =>
        item.Chain(separator).Select(items => items.ConvertAll(pair => pair.Operand).ToEquatable());

    /// <summary>A rule that leads back to itself: refused beyond a depth that the stack bears.</summary>
    public static Parser<T> Nested<T>(Func<Parser<T>> rule) => input =>
    {
        var at = (SourceInput)input;
        if (at.State.Depth >= ParseState.DeepestNesting)
        {
            if (!at.State.IsCancelled)
            {
                at.State.Diagnostics.Add(Diagnostics.NestedTooDeeply, at.SpanTo(at.Position + Tokens.WordLength(at)),
                    $"this is nested more than {ParseState.DeepestNesting} deep; give inner parts names of their own");
            }

            at.State.IsCancelled = true;
            return Result.Failure<T>(input, "too deep", []);
        }

        at.State.Depth++;
        IResult<T> result = rule()(input);
        at.State.Depth--;
        return result;
    };

    /// <summary>
    /// Items up to a closing token. An item that cannot be read is reported, and reading goes on behind it, so that a file
    /// shows several errors at once.
    /// </summary>
    public static Parser<EquatableArray<T>> Until<T, TClose>(this Parser<T> item, Parser<TClose> close)
        where T : IEquatable<T> => given =>
    {
        var input = (SourceInput)given;
        ParseState state = input.State;
        var items = new List<T>();
        while (true)
        {
            state.ForgetFailures();
            IResult<TClose> closed = close(input);
            if (closed.WasSuccessful) return Result.Success(items.ToEquatable(), closed.Remainder);
            if (state.IsCancelled || state.Diagnostics.IsFull) return Result.Success(items.ToEquatable(), input.Skip(input.Source.Length - input.Position));

            IResult<T> next = item(input);
            if (next.WasSuccessful)
            {
                items.Add(next.Value);
                input = (SourceInput)next.Remainder;
                continue;
            }

            SourceInput failure = state.Farthest ?? input;
            if (!state.IsCancelled && failure.Position != state.ReportedAt) Report(failure);
            if (failure.AtEnd) state.IsCancelled = true;
            input = Recovery.Resume(input, failure.Position);
        }
    };

    private static void Report(SourceInput at)
    {
        at.State.ReportedAt = at.Position;
        int length = Tokens.WordLength(at);
        string found = at.AtEnd ? "the end of the file" : $"'{Tokens.Shorten(at.Source.Substring(at.Position, length))}'";
        at.State.Diagnostics.Add(Diagnostics.Unexpected, at.SpanTo(at.Position + length),
            $"expected {at.State.Expected()}, found {found}");
    }
}
