using System;
using System.Threading;

namespace Sinter.Command.Terminal;

/// <summary>
/// Says on the error stream what takes so long: at once and on one line that goes away on a terminal, elsewhere as a plain
/// line once the work has taken some seconds.
/// </summary>
internal sealed class LongWork : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly bool _isTerminal = !Console.IsErrorRedirected;
    private readonly Timer? _timer;
    private string _text;
    private bool _isShown;

    public LongWork(string text)
    {
        _text = text;
        if (_isTerminal) Show();
        else _timer = new Timer(_ => Show(), null, s_patience, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The work goes on with another part.</summary>
    public void Now(string text)
    {
        lock (_lock)
        {
            _text = text;
            if (_isTerminal) Show();
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        lock (_lock)
        {
            if (_isTerminal && _isShown) Console.Error.Write("\r\u001b[K");
            _isShown = true;
        }
    }

    private void Show()
    {
        lock (_lock)
        {
            if (_isTerminal) Console.Error.Write($"\r\u001b[K{_text}…");
            else if (!_isShown) Console.Error.WriteLine($"{_text}…");
            _isShown = true;
        }
    }
}
