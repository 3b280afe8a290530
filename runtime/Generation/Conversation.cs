using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace Sinter.Runtime.Generation;

/// <summary>
/// A text that two write in turn: what is said is appended, the model goes on from there. Only what is new is processed
/// as long as the model keeps the conversation's caches, which it does until other generations need the room.
/// </summary>
/// <remarks>One turn at a time. It holds no memory of the model's, so that any number may be kept.</remarks>
public sealed class Conversation
{
    private readonly LanguageModel _model;
    private readonly List<int> _tokens = [];

    internal Conversation(LanguageModel model) => _model = model;

    /// <summary>All that was said and answered, without the tokens that ended an answer.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>Appends a text and generates what follows.</summary>
    /// <param name="text">The text; the first one may begin with the begin-of-sequence token, as the options say.</param>
    /// <param name="options">How to choose tokens and when to stop.</param>
    /// <param name="cancellation">Ends the generation between two tokens; what came until then stays.</param>
    /// <returns>Pieces of text as they come; the last has the statistics.</returns>
    /// <exception cref="SinterException">The conversation has become too long, an option is out of range, or the checkpoint has no tokenizer.</exception>
    public IAsyncEnumerable<GeneratedText> ContinueAsync(string text, GenerationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        options ??= new GenerationOptions();
        int[] said = _model.Encode(text, options, isFirst: _tokens.Count == 0);
        int[] prompt = [.. _tokens, .. said];
        IAsyncEnumerable<GeneratedText> pieces = _model.GenerateFrom(prompt, options, cancellation);
        _tokens.AddRange(said);
        return Listen(pieces);
    }

    private async IAsyncEnumerable<GeneratedText> Listen(IAsyncEnumerable<GeneratedText> pieces, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (GeneratedText piece in pieces.WithCancellation(cancellation).ConfigureAwait(false))
        {
            int count = piece.Tokens.Count;
            if (piece.Statistics?.Reason is FinishReason.EndOfSequence or FinishReason.StopToken) count--;
            for (int i = 0; i < count; i++) _tokens.Add(piece.Tokens[i]);
            yield return piece;
        }
    }
}
