using System;
using System.Collections.Generic;
using System.Text.Json.Nodes;

namespace Sinter.Runtime.Training.Data;

/// <summary>Gives rows of tokens for ever, and can say where it stands.</summary>
public interface IRowSource
{
    /// <summary>How often each domain is to be drawn from, from now on; null for as often as it has tokens.</summary>
    /// <exception cref="SinterException">There is no domain of a name.</exception>
    void Mix(IReadOnlyDictionary<string, double>? mixture);

    /// <summary>The next row.</summary>
    /// <param name="tokens">As many as the model reads, and <paramref name="beyond"/> more.</param>
    /// <param name="documents">As many numbers: which document each token belongs to, rising within the row.</param>
    /// <param name="beyond">Tokens at the end that only losses want: the next row may begin with them.</param>
    void Fill(Span<int> tokens, Span<int> documents, int beyond);

    /// <summary>Where the source stands.</summary>
    JsonObject Save();

    /// <summary>Goes on from a place that <see cref="Save"/> gave.</summary>
    void Restore(JsonObject state);
}
